#!/bin/sh
# Speaks like the server, and ends orderly when asked to. It lies here ready: a program that a test writes may still be
# open for writing, in a process that another test starts, when it is to run.
[ "$1" = user ] && { read -r password; echo "$3 $password" >> "$BALCONY_DATA/users"; exit "$FAIL"; }
trap 'echo bye; exit 0' TERM
port=${3##*:}; [ "$port" = 0 ] && port=4711
echo started "$@" >&2; echo "listening on http://127.0.0.1:$port"
while :; do sleep 0.01; done

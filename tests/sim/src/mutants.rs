//! The faults that can be planted, each with what it does wrong; `cargo xtask sim --mutants` plays them.

/// Name and meaning of every planted fault.
pub const MUTANTS: &[(&str, &str)] = &[
    ("h-on-receipt", "a stanza counts as handled when it arrives"),
    (
        "h-out-of-order",
        "a handled stanza counts for the oldest that is not",
    ),
    (
        "resume-without-waiting",
        "a resumption is answered while appends are in flight",
    ),
    (
        "no-retransmission",
        "what is not acknowledged is not sent again on a resumption",
    ),
    (
        "retransmission-backwards",
        "what is not acknowledged is sent again in the wrong order",
    ),
    (
        "old-stream-not-fenced",
        "the connection that a session is taken from is not cut off",
    ),
    (
        "resumed-h-too-high",
        "`<resumed/>` counts a stanza that never came",
    ),
    (
        "own-entries-unsettled-at-resume",
        "`<resumed/>` leaves out own messages that are archived",
    ),
    (
        "restored-at-the-head",
        "a restored session is given nothing of what its client lacks",
    ),
    (
        "restored-without-prefix",
        "a restored session forgets the prefix of its ids",
    ),
    (
        "restored-h-too-high",
        "a restored session counts a message that was never written",
    ),
    (
        "copies-skipped-while-detached",
        "what is archived while a session is detached is never sent to it",
    ),
    (
        "ack-after-a-later-copy",
        "the ack for an own entry comes after copies of later ones",
    ),
    (
        "own-entry-does-not-wait",
        "the cursor passes an own entry that no ack can cover yet",
    ),
    (
        "copy-to-the-sending-device",
        "a device gets copies of what it sent itself",
    ),
    ("cursor-one-too-far", "a walk skips an entry now and then"),
    ("every-copy-twice", "every live copy is sent twice"),
    (
        "no-fork-to-own-devices",
        "what one device sends never reaches its siblings",
    ),
    (
        "ack-before-commit",
        "a message counts as handled before it is written",
    ),
    (
        "notice-after-ack",
        "the notice that a message is not archived comes after its ack",
    ),
    ("no-notice", "nobody is told that a message is not archived"),
    (
        "resend-prefix-ignored",
        "a message sent again is taken for a new one",
    ),
    (
        "queue-dropped-while-detached",
        "what is sent to a detached session is forgotten",
    ),
    ("ack-one-too-many", "acks count one stanza that never came"),
    (
        "held-copies-overtaken",
        "urgent stanzas overtake what is held back for an inactive device",
    ),
    (
        "held-copies-dropped",
        "what is held back for an inactive device is never sent",
    ),
    (
        "repetition-not-looked-up",
        "a message that comes again is archived again",
    ),
    (
        "computed-id-ignored",
        "own entries lie under ids that their sender cannot know",
    ),
    ("positions-with-holes", "positions of a log are not dense"),
    (
        "page-always-complete",
        "every page says that nothing follows",
    ),
    ("page-without-its-first", "a page leaves out an entry"),
    (
        "one-side-committed",
        "a message is written to the sender's log only",
    ),
    (
        "cursor-moves-while-catching-up",
        "a live entry moves the cursor during a catch-up",
    ),
    (
        "entries-not-told-apart",
        "an entry that came before is taken in again",
    ),
    (
        "page-before-the-cursor",
        "a page goes out before the live entries that it holds",
    ),
    (
        "live-while-a-page-is-read",
        "live entries overtake a page that does not hold them",
    ),
    (
        "pages-backwards",
        "the entries of a page are taken in the wrong order",
    ),
    (
        "covered-taken-for-placed",
        "own messages get the place where `<resumed/>` stood",
    ),
    (
        "restored-taken-for-resumed",
        "the client believes that a restored stream knows all it knew",
    ),
    (
        "client-retransmits-nothing",
        "the client sends nothing again on a resumption",
    ),
    (
        "resend-under-a-new-prefix",
        "a message is sent again under another id",
    ),
    (
        "ack-before-durable",
        "the client acknowledges what it has not written",
    ),
    (
        "resend-before-catching-up",
        "the client sends again before it knows what the archive has",
    ),
    (
        "outbox-dropped-at-reload",
        "a reload forgets what waits to be sent",
    ),
    (
        "rows-without-cursor",
        "rows are written in another transaction than the cursor",
    ),
    (
        "catch-up-ends-after-one-page",
        "a catch-up ends with its first page",
    ),
    (
        "catch-up-from-the-oldest",
        "a catch-up fetches what is known once more",
    ),
    (
        "prefix-lost-at-reload",
        "a reload forgets the prefix of a stream that goes on",
    ),
    ("client-counts-nothing", "the client counts no stanza"),
    (
        "notice-ignored",
        "the client takes no notice of what is not archived",
    ),
    (
        "archived-line-stays-in-the-outbox",
        "a line that is archived is shown as waiting, too",
    ),
    (
        "resend-without-its-prefix",
        "a message is sent again as if it were new",
    ),
    (
        "marks-found-on-disk-only",
        "a read mark whose entry is being written is not decided any more",
    ),
    (
        "not-introduced-after-a-reload",
        "a stream that a reload resumes does without presence that was lost with the tab",
    ),
    (
        "no-query-at-the-start",
        "a stream begins without asking the archive",
    ),
];

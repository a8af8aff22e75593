// Draws what was found: the lights, and the table of messages.

import { PROMISES } from "./promises.js";

const ROWS_MAX = 80;
const WORDS = { good: "holds", waiting: "waiting", bad: "broken" };
/** What a device says of a line: a sign and the word behind it. */
const MARKS = {
  waiting: ["◷", "waiting"],
  archived: ["✓", "sent"],
  received: ["✓✓", "received"],
  read: ["✓✓", "read"],
  notsaved: ["!", "delivered, not saved"],
  notkept: ["–", "not kept"],
  failed: ["✕", "failed"],
};

export function drawLights(list, { lights, unsaved, rows }) {
  if (list.children.length === 0) {
    for (const [name, label, why] of [...PROMISES, ["saved", "Saved", "Lines that an archive did not take. They are delivered all the same, and each device that shows one says so."]]) {
      const item = document.createElement("li");
      item.dataset.light = name;
      item.dataset.why = why;
      item.tabIndex = 0;
      for (const [kind, text] of [["lamp", ""], ["label", label], ["word", ""], ["why", why]]) {
        const part = document.createElement("span");
        part.className = kind;
        part.textContent = text;
        item.append(part);
      }
      list.append(item);
    }
  }
  const draw = (name, state, word, broken) => {
    const item = list.querySelector(`[data-light="${name}"]`);
    item.dataset.state = state;
    setText(item.querySelector(".word"), word);
    setText(item.querySelector(".why"), [item.dataset.why, ...broken.slice(0, 5)].join("\n• "));
  };
  for (const [name] of PROMISES) draw(name, lights[name].state, WORDS[lights[name].state], lights[name].broken);
  const word = unsaved.length > 0 ? `${unsaved.length} not saved` : `all ${rows.length}`;
  draw("saved", unsaved.length > 0 ? "warn" : "good", word, unsaved.map(row => row.text ?? row.message));
}

/** How many lines stand before the first one that a device has loaded. */
const unloaded = (rows, device) => Math.max(0, rows.findIndex(row => row.shows[device.name]));

export function drawTable(table, { rows }, devices, server) {
  const accounts = server.accounts.map(account => account.jid);
  const of = account => devices.filter(device => device.account === account);
  const [romeo, juliet] = accounts;
  const columns = [
    ...of(romeo).map(device => ({ device, before: unloaded(rows, device) })), { archive: romeo },
    { message: true },
    { archive: juliet }, ...of(juliet).map(device => ({ device, before: unloaded(rows, device) })),
  ];
  drawHead(table.tHead, columns);
  const body = table.tBodies[0];
  const shown = rows.slice(-ROWS_MAX);
  const isAtEnd = isNearEnd(table.parentElement);
  const known = new Map([...body.rows].map(row => [row.dataset.key, row]));
  for (const [index, row] of shown.entries()) {
    const drawn = known.get(row.key) ?? document.createElement("tr");
    known.delete(row.key);
    drawn.dataset.key = row.key;
    drawRow(drawn, columns, row);
    if (body.rows[index] !== drawn) body.insertBefore(drawn, body.rows[index] ?? null);
  }
  for (const gone of known.values()) gone.remove();
  if (isAtEnd) table.parentElement.scrollTop = table.parentElement.scrollHeight;
}

const isNearEnd = box => box.scrollHeight - box.scrollTop - box.clientHeight < 40;

function drawHead(head, columns) {
  const names = columns.map(column => column.message ? "Message" : column.archive
    ? `${nameOf(column.archive)}’s archive` : column.device.title);
  if (head.dataset.names === names.join()) return;
  head.dataset.names = names.join();
  const row = document.createElement("tr");
  for (const [index, name] of names.entries()) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.append(...name.split(" ").flatMap(word => [document.createElement("wbr"), `${word} `]));
    cell.className = kindOf(columns[index]);
    row.append(cell);
  }
  head.replaceChildren(row);
}

const nameOf = account => account.startsWith("romeo@") ? "Romeo" : "Juliet";
const kindOf = column => column.message ? "message" : column.archive ? "archive" : "shown";

function drawRow(drawn, columns, row) {
  while (drawn.cells.length > columns.length) drawn.deleteCell(-1);
  while (drawn.cells.length < columns.length) drawn.insertCell();
  for (const [index, column] of columns.entries()) {
    const cell = drawn.cells[index];
    const [state, sign, text, why, word = ""] = column.message ? ["", "", row.text ?? "(retracted)", `${nameOf(row.author)}: ${row.text ?? ""}\n${row.message}`]
      : column.archive ? archived(row, column.archive) : shownOn(row, column);
    cell.className = `${kindOf(column)} ${column.message ? nameOf(row.author).toLowerCase() : ""}`;
    cell.dataset.state = state;
    if (cell.title !== why) cell.title = why;
    const said = `${sign} ${text} ${word}`;
    if (cell.dataset.said === said) continue;
    cell.dataset.said = said;
    const parts = [];
    if (sign) {
      const part = document.createElement("span");
      part.className = "sign";
      part.textContent = sign;
      parts.push(part);
    }
    parts.push(document.createTextNode(text));
    if (word) {
      const part = document.createElement("span");
      part.className = "unseen";
      part.textContent = word;
      parts.push(part);
    }
    cell.replaceChildren(...parts);
  }
}

function archived(row, account) {
  const entries = row.at[account];
  if (entries) {
    const [entry] = entries;
    const text = entries.map(one => `#${one.pos}`).join(" ");
    return [entries.length > 1 ? "bad" : "good", text, shortId(entry.id), `Position ${entry.pos}\n${entry.id}\n${entry.stamp}`];
  }
  const reason = row.unsaved[account];
  if (reason) return ["warn", "!", reason, `The archive did not take it: ${reason}`];
  return ["waiting", "", "–", "Not in the archive"];
}

function shownOn(row, { device, before }) {
  const shown = row.shows[device.name];
  if (!shown) return ["waiting", "", "–", `Not shown by ${device.title}`];
  const [{ line }] = shown;
  const rank = before + shown[0].rank;
  const [sign, word] = MARKS[line.mark] ?? ["", line.mark];
  const state = shown.length > 1 || line.mark === "failed" ? "bad" : line.mark === "notsaved" ? "warn"
    : line.mark === "waiting" ? "waiting" : "good";
  return [state, `${rank} ${sign}`, "", `Line ${rank}: ${word}\n${line.id || "no archive id"}`, word];
}

/** Enough of an id to tell it from its neighbours. */
const shortId = id => {
  const [prefix, message] = id.split(".");
  return message === undefined ? prefix.slice(0, 6) : `${prefix.slice(0, 3)}….${message.slice(0, 4)}`;
};

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

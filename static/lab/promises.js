// What is true of every message, and whether the promises hold. Nothing here touches the page.

/** How long a device that nothing keeps from it may take to show what an archive holds. */
const GRACE_MS = 8_000;
/** Lines that stand for lines, or for their absence. */
const GAPS = ["gap", "filling"];
/** What a device says of lines that an archive has. */
const SAVED = ["archived", "received", "read"];

export const PROMISES = [
  ["complete", "Complete", "Every device shows every line that its archive holds, from the oldest one it has loaded on."],
  ["once", "Once", "No archive holds a line twice, and no device shows one twice."],
  ["order", "One order", "Every device shows lines in the order of its archive, and both archives have one order for what they share."],
  ["ids", "Ids as computed", "Each id that a device shows is that of the same line in its archive; of own lines, the id that the device computed before it sent them."],
  ["acked", "Acked means archived", "A line that a device shows as sent lies in both archives, unless an archive refused it and said so; a line that a device shows as not saved does not."],
];

/**
 * Looks at archives and devices at one moment.
 * @param server `accounts`, `archives`, `unsaved`, `seenAt`, `askedAt`, `isUp`
 * @param devices each with `name`, `account`, `lines`, `behind`, `freeSince`, `reportedAt`
 */
export function judge({ server, devices, now }) {
  const rows = rowsOf(server, devices);
  const lights = {};
  const isBehind = devices.some(device => device.behind) || !server.isUp;
  const set = (name, broken, waits) => {
    const state = broken.length > 0 ? "bad" : waits ? "waiting" : "good";
    lights[name] = { state, broken };
  };
  const missing = incomplete(rows, server, devices, now);
  set("complete", missing.broken, isBehind || missing.waits);
  set("once", [...doubledInArchives(server), ...doubledOnDevices(rows)], false);
  set("order", [...disordered(rows, devices), ...disagreeing(rows, server)], false);
  const ids = misnamed(server, devices);
  set("ids", ids.broken, ids.waits || !server.isUp);
  const acked = unfounded(rows, server, devices);
  set("acked", acked.broken, acked.waits || !server.isUp);
  const unsaved = rows.filter(row => Object.keys(row.unsaved).length > 0);
  const isWaiting = devices.some(device => device.lines.some(line => line.mark === "waiting"));
  const isGood = Object.values(lights).every(light => light.state === "good");
  return { rows, lights, unsaved, isSettled: isGood && !isBehind && !isWaiting };
}

/** The rows of the table: what archives hold and devices show, brought together by message. */
function rowsOf(server, devices) {
  const rows = new Map();
  const row = (author, message, text) => {
    const key = `${author} ${message}`;
    if (!rows.has(key)) rows.set(key, { key, author, message, text, at: {}, shows: {}, unsaved: {}, sort: null });
    return rows.get(key);
  };
  const byId = new Map();
  for (const [account, archive] of server.archives) {
    const peer = server.accounts.find(other => other.jid !== account)?.jid;
    for (const entry of archive.entries) {
      const found = row(entry.own ? account : peer, entry.message ?? entry.id, entry.text);
      (found.at[account] ??= []).push(entry);
      found.sort ??= [Date.parse(entry.stamp), entry.pos, 0];
      byId.set(`${account} ${entry.id}`, found);
    }
  }
  for (const line of server.unsaved) {
    const author = server.accounts.map(one => one.jid).find(jid => rows.has(`${jid} ${line.message}`));
    if (author) rows.get(`${author} ${line.message}`).unsaved[line.account] = line.reason;
  }
  // Own lines first, and of these such as wait or are written here: they say which message they are, also where no archive has it.
  const unsaved = new Set(server.unsaved.map(line => line.message));
  const isNamed = line => Boolean(line.id) || line.mark === "waiting" || line.mark === "failed" || unsaved.has(line.key);
  for (const which of [line => line.own && isNamed(line), line => line.own && !isNamed(line), line => !line.own]) {
    for (const device of devices) place(device, which, { rows, row, byId, server });
  }
  for (const line of server.unsaved) {
    for (const found of rows.values()) {
      if (found.message === line.message) found.unsaved[line.account] = line.reason;
    }
  }
  // What is no line counts only where a device shows it all the same, as what is left of a retracted one.
  const isLine = found => found.text !== null || Object.keys(found.shows).length > 0;
  return [...rows.values()].filter(isLine).sort((a, b) => compare(a.sort, b.sort));
}

/** Finds the row of each line that a device shows. */
function place(device, isMeant, { rows, row, byId, server }) {
  const archive = server.archives.get(device.account);
  const peer = server.accounts.find(other => other.jid !== device.account)?.jid;
  let before = null;
  for (const [rank, line] of device.lines.entries()) {
    if (GAPS.includes(line.mark)) continue;
    let found = byId.get(`${device.account} ${line.id}`);
    if (found) before = found.sort;
    // Older than what the lab knows of the archive.
    const isOld = line.id && !found && !before && archive && !archive.whole;
    if (!isMeant(line) || isOld) continue;
    const author = line.own ? device.account : peer;
    found ??= rowWithoutId(device, line, { rows, author })
      ?? row(author, line.id ? messageIn(line.id) : line.key, line.text);
    const isOnItsWay = line.mark === "waiting" || line.mark === "failed";
    found.sort ??= isOnItsWay || !before ? [isOnItsWay ? Infinity : 0, 0, rank] : [before[0], before[1], rank + 1];
    (found.shows[device.name] ??= []).push({ rank: rank + 1, line });
  }
}

/** What was not saved has no id: it is found by who wrote what. Own lines on the device that wrote them are known by their key. */
function rowWithoutId(device, line, { rows, author }) {
  if (line.id) return undefined;
  return rows.get(`${author} ${line.key}`) ?? [...rows.values()].find(other => other.author === author
    && other.text === line.text && !other.at[device.account] && !other.shows[device.name]);
}

function compare(a, b) {
  for (const index of [0, 1, 2]) {
    if (a[index] !== b[index]) return a[index] < b[index] ? -1 : 1;
  }
  return 0;
}

/** The second half of an id that a sender computed. */
const messageIn = id => id.slice(id.indexOf(".") + 1);
const short = ({ text, message }) => text === null ? message : `“${text.length > 24 ? `${text.slice(0, 23)}…` : text}”`;

function incomplete(rows, server, devices, now) {
  const broken = [];
  let waits = false;
  for (const device of devices) {
    const known = rows.filter(row => row.shows[device.name] && row.at[device.account]);
    const oldest = Math.min(...known.map(row => row.at[device.account][0].pos));
    for (const row of rows) {
      const entry = row.at[device.account]?.[0];
      if (!entry || entry.text === null || row.shows[device.name] || entry.pos < oldest) continue;
      const seenAt = server.seenAt.get(`${device.account} ${entry.id}`) ?? now;
      const isLate = now - Math.max(device.freeSince, seenAt) > GRACE_MS;
      if (device.behind || !isLate) waits = true;
      else broken.push(`${device.name} does not show ${short(row)}`);
    }
  }
  return { broken, waits };
}

function doubledInArchives(server) {
  const broken = [];
  for (const [account, archive] of server.archives) {
    const seen = new Set();
    for (const entry of archive.entries) {
      const key = `${entry.own} ${entry.message}`;
      if (entry.text !== null && entry.message && seen.has(key)) broken.push(`${account} has “${entry.text}” twice`);
      seen.add(key);
    }
  }
  return broken;
}

function doubledOnDevices(rows) {
  return rows.flatMap(row => Object.entries(row.shows)
    .filter(([, shown]) => shown.length > 1)
    .map(([device]) => `${device} shows ${short(row)} twice`));
}

function disordered(rows, devices) {
  const broken = [];
  for (const device of devices) {
    const shown = rows.filter(row => row.shows[device.name] && row.at[device.account]);
    const byRank = shown.toSorted((a, b) => a.shows[device.name][0].rank - b.shows[device.name][0].rank);
    byRank.reduce((before, row) => {
      if (before && before.at[device.account][0].pos > row.at[device.account][0].pos) {
        broken.push(`${device.name} shows ${short(before)} before ${short(row)}`);
      }
      return row;
    }, null);
  }
  return broken;
}

function disagreeing(rows, server) {
  const [one, other] = [...server.archives.keys()];
  const shared = rows.filter(row => row.at[one] && row.at[other]);
  const inOne = shared.toSorted((a, b) => a.at[one][0].pos - b.at[one][0].pos);
  const broken = [];
  inOne.reduce((before, row) => {
    if (before && before.at[other][0].pos > row.at[other][0].pos) {
      broken.push(`the archives differ on ${short(before)} and ${short(row)}`);
    }
    return row;
  }, null);
  return broken;
}

function misnamed(server, devices) {
  const broken = [];
  let waits = false;
  for (const device of devices) {
    const archive = server.archives.get(device.account);
    if (!archive) continue;
    const entries = new Map(archive.entries.map(entry => [entry.id, entry]));
    let isKnown = archive.whole;
    for (const line of device.lines) {
      const entry = entries.get(line.id);
      isKnown ||= Boolean(entry);
      if (!line.id || !isKnown || GAPS.includes(line.mark)) continue;
      if (!entry) {
        if (server.askedAt > device.reportedAt) broken.push(`${device.name} shows ${line.id}, which is in no archive`);
        else waits = true;
      } else if (entry.own !== line.own) {
        broken.push(`${device.name} shows ${line.id} as somebody else's`);
      } else if (line.id.includes(".") && entry.message !== messageIn(line.id)) {
        broken.push(`${device.name} computed ${line.id} for ${entry.message}`);
      }
    }
  }
  return { broken, waits };
}

/** Whether a row is older than what the lab knows of an archive. */
function isBefore(row, archive) {
  if (!archive || archive.whole || archive.entries.length === 0) return false;
  return row.sort[0] <= Date.parse(archive.entries[0].stamp);
}

function unfounded(rows, server, devices) {
  const broken = [];
  let waits = false;
  for (const row of rows) {
    for (const device of devices) {
      for (const { line } of row.shows[device.name] ?? []) {
        const isLater = server.askedAt > device.reportedAt;
        const own = row.at[device.account];
        if (line.mark === "notsaved" && own) broken.push(`${device.name} shows ${short(row)} as not saved, and it is`);
        if (!line.own || !SAVED.includes(line.mark)) continue;
        const without = server.accounts.map(account => account.jid)
          .filter(jid => !row.at[jid] && !(jid in row.unsaved) && !isBefore(row, server.archives.get(jid)));
        if (without.length === 0) continue;
        if (isLater) broken.push(`${device.name} shows ${short(row)} as sent; ${without.join(", ")} has it not`);
        else waits = true;
      }
    }
  }
  return { broken, waits };
}

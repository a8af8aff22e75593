// Runs at the start of every page that is measured: notes long tasks, when lines were painted, and how long typed ones took.
globalThis.bench = (() => {
  const tasks = [];
  const painted = new Map();
  const entered = new Map();
  const typed = [];
  new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) tasks.push([startTime, duration]);
  }).observe({ type: "longtask", buffered: true });

  // What a long frame was busy with, to find the cause.
  const frames = [];
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      const scripts = entry.scripts.map(({ invoker, duration, forcedStyleAndLayoutDuration }) =>
        `${invoker} ${Math.round(duration)} ms, of that ${Math.round(forcedStyleAndLayoutDuration)} ms layout`);
      const lines = document.querySelectorAll("li.line").length;
      const where = `${Math.round(entry.duration)} ms at ${Math.round(entry.startTime)}, ${lines} lines on the page`;
      frames.push([entry.startTime, entry.duration, `${where}: ${scripts.join("; ") || "no script"}`]);
    }
  }).observe({ type: "long-animation-frame", buffered: true });

  // After the frame in which the caller's change is painted.
  const afterFrame = () => new Promise(done => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now());
    port2.postMessage(0);
  }));
  const frame = () => new Promise(requestAnimationFrame);

  const note = async line => {
    const text = line.querySelector("p")?.textContent ?? "";
    if (painted.has(text)) return;
    painted.set(text, Infinity);
    const at = await afterFrame();
    painted.set(text, at);
    if (entered.has(text)) typed.push(at - entered.get(text));
  };
  new MutationObserver(changes => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE) continue;
        if (node.matches("li.line")) note(node);
        else for (const line of node.querySelectorAll("li.line")) note(line);
      }
    }
  }).observe(document, { childList: true, subtree: true });
  addEventListener("keydown", event => {
    if (event.key === "Enter" && event.target.id === "composer") entered.set(event.target.value, event.timeStamp);
  }, true);

  const timeline = () => document.querySelector("[data-testid=timeline]");
  const atTop = () => document.querySelector(".start")?.textContent.includes("beginning") && timeline().scrollTop <= 0;
  const state = { scrolled: null };
  return {
    painted: text => (Number.isFinite(painted.get(text)) ? painted.get(text) : null),
    typed: () => typed,
    now: () => performance.now(),
    // The longest task since then; those under 50 ms are not told of, and count as none.
    longest: since => Math.max(0, ...tasks.filter(([start]) => start >= since).map(([, duration]) => duration)),
    // The longest frames since then.
    frames: since => frames.filter(([start]) => start >= since).sort((a, b) => b[1] - a[1]).slice(0, 5).map(([, , text]) => text),
    scrolled: () => state.scrolled,
    // From the end to the start, a screen a frame, back again, then wherever the thumb is dragged.
    async scroll() {
      const began = performance.now();
      const box = timeline();
      while (!atTop()) {
        box.scrollTop -= box.clientHeight;
        await frame();
      }
      const height = box.scrollHeight;
      while (box.scrollTop + box.clientHeight < box.scrollHeight - 1) {
        box.scrollTop += box.clientHeight;
        await frame();
      }
      for (let n = 1; n <= 20; n += 1) {
        box.scrollTop = (box.scrollHeight * ((n * 7) % 20)) / 20;
        await frame();
        await frame();
      }
      box.scrollTop = box.scrollHeight;
      await afterFrame();
      state.scrolled = { began, height, took: performance.now() - began };
    },
  };
})();

// Makes the chart readable and the table of flows work. Everything that comes from the capture reaches the page as text only.
"use strict";
(() => {
  const ROWS_A_PAGE = 50;
  // On paper there are no pages to turn. It says so where there are more.
  const ROWS_PRINTED = 1000;
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);
  const figure = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

  // ---- The chart: a slider, or the pointer, chooses a moment; its figures are told in words.

  function chart(data) {
    if (!data) return;
    const slider = byId("moment");
    const cursor = byId("cursor");
    const plot = cursor.ownerSVGElement;

    function tell(moment) {
      const shares = data.names
        .map((name, series) => [name, data.bytes[series][moment]])
        .filter(([, bytes]) => bytes > 0)
        .sort((a, b) => b[1] - a[1]);
      const sum = shares.reduce((sum, [, bytes]) => sum + bytes, 0);
      const largest = shares.slice(0, 4).map(([name, bytes]) => `${name} ${figure(bytes)}`);
      const more = shares.length > 4 ? `, and ${shares.length - 4} more` : "";
      const parts = largest.length ? ` – ${largest.join(", ")}${more}` : "";
      const text = `${data.times[moment]}: ${figure(sum)} bytes${parts}`;
      byId("reading").textContent = text;
      slider.value = moment;
      slider.setAttribute("aria-valuetext", text);
      cursor.setAttribute("x", moment);
      cursor.setAttribute("visibility", "visible");
    }

    slider.addEventListener("input", () => tell(Number(slider.value)));
    plot.ownerSVGElement.addEventListener("pointermove", (event) => {
      const box = plot.ownerSVGElement.getBoundingClientRect();
      const moment = Math.floor(((event.clientX - box.left) / box.width) * data.times.length);
      tell(Math.max(0, Math.min(data.times.length - 1, moment)));
    });
    const sums = data.times.map((_, moment) => data.bytes.reduce((sum, bytes) => sum + bytes[moment], 0));
    tell(sums.indexOf(Math.max(...sums)));
    byId("reader").hidden = false;
  }

  // ---- The flows.

  const DAY = 86400000;
  const date = (ms) => new Date(ms).toISOString().slice(0, 10);
  const time = (ms) => new Date(ms).toISOString().slice(11, 23);
  const end = (address, port) => (port === 0 ? address : address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
  // Where a long text had best go on in the next line: before a dot of a name, before a colon of an address, behind a rule's kind.
  // Without a look behind: a browser of 2022 may not know that, and would run nothing of this.
  const labels = (name) => name.split(/(?=\.)|^(\w+:)/).filter(Boolean);
  const groups = (address) => address.split(/(?=:)/);

  // Key, title, whether it is a number; and how a flow's cell is written where that is not its value: in one piece or several.
  const COLUMNS = [
    ["number", "Flow", true],
    ["packet", "Packet", true],
    ["start", "Start", true, (flow) => flow.when],
    ["lasted", "Seconds", true, (flow) => (flow.lasted / 1000).toFixed(3)],
    ["application", "Application", false],
    ["name", "Name", false, (flow) => labels(flow.name)],
    ["protocol", "Over", false],
    ["src", "Source", false, (flow) => groups(flow.src)],
    ["dst", "Destination", false, (flow) => groups(flow.dst)],
    ["packets", "Packets", true],
    ["bytes", "Bytes", true],
    ["dropped", "Dropped", true],
    ["verdict", "Verdict", false],
    ["rule", "Rule", false, (flow) => labels(flow.rule)],
  ];

  // Columns that are left out where no flow has anything in them.
  const MAY_BE_EMPTY = new Set(["name", "dropped", "rule"]);
  // Columns that are sought for their largest figures.
  const LARGEST_FIRST = new Set(["lasted", "packets", "bytes", "dropped"]);
  // 10.0.0.9 before 10.0.0.10, and the same everywhere.
  const inWords = new Intl.Collator("en", { numeric: true });

  function rows(data) {
    let number = 0;
    let packet = 0;
    let start = data.start;
    let [least, most] = [start, start];
    for (const distance of data.first) {
      start += distance;
      [least, most] = [Math.min(least, start), Math.max(most, start)];
    }
    const isOfDays = most - least >= DAY;
    start = data.start;
    return data.packet.map((distance, row) => {
      number += data.number[row];
      packet += distance;
      start += data.first[row];
      const text = (column) => data.texts[data[column][row]];
      const flow = {
        number,
        packet,
        start,
        when: isOfDays ? `${date(start)} ${time(start)}` : time(start),
        lasted: data.lasted[row],
        application: text("application"),
        name: text("name"),
        protocol: text("protocol"),
        src: end(text("src"), data.src_port[row]),
        dst: end(text("dst"), data.dst_port[row]),
        packets: data.packets[row],
        bytes: data.bytes[row],
        dropped: data.dropped[row],
        drop: data.drop[row],
        verdict: data.drop[row] ? "dropped" : "forwarded",
        rule: text("rule"),
      };
      flow.words = [flow.application, flow.name, flow.protocol, flow.src, flow.dst, flow.verdict, flow.rule]
        .join("\n")
        .toLowerCase();
      return flow;
    });
  }

  function explorer(data) {
    if (!data.flows) return;
    const all = rows(data);
    const columns = COLUMNS.filter(([key]) => !MAY_BE_EMPTY.has(key) || all.some((flow) => flow[key]));
    const body = byId("table").tBodies[0];
    const head = byId("table").tHead.rows[0];
    const search = byId("search");
    const application = byId("application");
    const verdict = byId("verdict");
    const sorting = { key: "number", isAscending: true };
    let found = all;
    let page = 0;

    function find() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const { key, isAscending } = sorting;
      const order = typeof all[0]?.[key] === "number" ? (a, b) => a - b : inWords.compare;
      const sign = isAscending ? 1 : -1;
      found = all.filter(
        (flow) =>
          (application.value === "" || flow.application === application.value) &&
          (verdict.value === "" || flow.drop === Number(verdict.value)) &&
          words.every((word) => flow.words.includes(word)),
      );
      found.sort((a, b) => sign * order(a[key], b[key]) || a.number - b.number);
      page = 0;
      show();
    }

    function line(flow) {
      const row = document.createElement("tr");
      for (const [key, , isNumber, write] of columns) {
        const cell = document.createElement(key === "number" ? "th" : "td");
        const value = write ? write(flow) : isNumber ? figure(flow[key]) : flow[key];
        if (key === "number") cell.scope = "row";
        if (isNumber) cell.className = "n";
        if (key === "verdict") {
          const mark = document.createElement("span");
          mark.className = `verdict ${flow.verdict}`;
          mark.textContent = value;
          cell.append(mark);
        } else {
          const [first = "", ...others] = [value].flat();
          cell.append(first, ...others.flatMap((piece) => [document.createElement("wbr"), piece]));
        }
        if (key !== "verdict") cell.classList.add(key);
        row.append(cell);
      }
      return row;
    }

    function list(from, rows) {
      body.replaceChildren(...found.slice(from, from + rows).map(line));
    }

    function show() {
      const pages = Math.max(1, Math.ceil(found.length / ROWS_A_PAGE));
      list(page * ROWS_A_PAGE, ROWS_A_PAGE);
      byId("count").textContent =
        found.length === 0
          ? "No flow matches."
          : `${figure(found.length)} of ${figure(all.length)} flows, ${figure(found.reduce((sum, flow) => sum + flow.bytes, 0))} bytes`;
      byId("place").textContent = `Page ${figure(page + 1)} of ${figure(pages)}`;
      byId("first").disabled = byId("previous").disabled = page === 0;
      byId("next").disabled = byId("last").disabled = page >= pages - 1;
      for (const cell of head.cells) {
        const isSorted = cell.dataset.key === sorting.key;
        if (isSorted) cell.setAttribute("aria-sort", sorting.isAscending ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
      }
    }

    for (const [key, title, isNumber] of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.dataset.key = key;
      if (isNumber) cell.className = "n";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.addEventListener("click", () => {
        sorting.isAscending = sorting.key === key ? !sorting.isAscending : !LARGEST_FIRST.has(key);
        sorting.key = key;
        find();
      });
      cell.append(button);
      head.append(cell);
    }

    const counts = new Map();
    for (const flow of all) counts.set(flow.application, (counts.get(flow.application) || 0) + 1);
    for (const [name, count] of [...counts].sort((a, b) => inWords.compare(a[0], b[0]))) {
      const option = document.createElement("option");
      option.value = name;
      option.textContent = `${name} (${figure(count)})`;
      application.append(option);
    }

    search.addEventListener("input", find);
    application.addEventListener("change", find);
    verdict.addEventListener("change", find);
    search.form.addEventListener("submit", (event) => event.preventDefault());
    search.form.addEventListener("reset", (event) => {
      // By itself it would come after all that is done here.
      event.preventDefault();
      search.value = application.value = verdict.value = "";
      find();
    });
    const turn = (id, to) =>
      byId(id).addEventListener("click", () => {
        page = to(Math.ceil(found.length / ROWS_A_PAGE) - 1);
        show();
      });
    turn("first", () => 0);
    turn("previous", () => page - 1);
    turn("next", () => page + 1);
    turn("last", (last) => last);

    window.addEventListener("beforeprint", () => {
      list(0, ROWS_PRINTED);
      byId("printed").textContent =
        found.length > ROWS_PRINTED ? `Printed are the first ${figure(ROWS_PRINTED)} of these flows, in the order of the table.` : "";
    });
    window.addEventListener("afterprint", show);

    byId("extent").textContent =
      all.length < data.flows
        ? `The largest ${figure(all.length)} of ${figure(data.flows)} flows; --flows and --csv write all of them to files.`
        : "All flows of the capture.";
    byId("explorer").hidden = false;
    find();
  }

  chart(read("chart-data"));
  explorer(read("flow-data"));
})();

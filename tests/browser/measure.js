// What a person would see amiss, measured by the browser itself and written into the page.
"use strict";
const wrong = [];
addEventListener("error", (event) => wrong.push(`script error: ${event.message}`));
addEventListener("securitypolicyviolation", (event) => wrong.push(`forbidden: ${event.blockedURI || event.violatedDirective}`), true);

const isWithin = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1
  && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
const overlap = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
  && one.top < other.bottom - 2 && other.top < one.bottom - 2;

// The boxes of the lines of text that an element shows.
const texts = (element) => {
  const found = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    if (!text) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const box of range.getClientRects()) found.push({ text, box });
  }
  return found;
};

const measured = (widget) => {
  const title = widget.querySelector("h2").textContent;
  const paper = widget.getBoundingClientRect();
  const shown = texts(widget);
  for (const { text, box } of shown) if (!isWithin(box, paper)) wrong.push(`${title}: cut off: ${text}`);
  for (const box of widget.querySelectorAll(".content, .tile, h2")) {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) {
      wrong.push(`${title}: overflows: ${box.textContent.slice(0, 60)}`);
    }
  }
  shown.forEach((one, place) => shown.slice(place + 1).forEach((other) => {
    if (overlap(one.box, other.box)) wrong.push(`${title}: ${one.text} and ${other.text} overlap`);
  }));
  const curves = [...widget.querySelectorAll("svg polyline, svg polygon, svg circle")];
  const isSeen = (curve) => curve.getBoundingClientRect().height + curve.getBoundingClientRect().width > 0;
  const content = widget.querySelector(".content");
  return {
    title, kind: widget.classList[1], text: content.textContent.length, curves: curves.filter(isSeen).length,
    elements: [...content.querySelectorAll("*")].map((one) => one.localName + [...one.attributes].map((a) => ` ${a.name}`).join("")),
  };
};

addEventListener("load", () => {
  const widgets = [...document.querySelectorAll(".widget")];
  const papers = widgets.map((widget) => widget.getBoundingClientRect());
  papers.forEach((one, place) => papers.slice(place + 1).forEach((other, next) => {
    if (overlap(one, other)) wrong.push(`widgets ${place} and ${place + 1 + next} overlap`);
  }));
  const found = widgets.map(measured);
  for (const loaded of performance.getEntriesByType("resource")) wrong.push(`loaded: ${loaded.name}`);
  // After what was asked for has failed, too.
  setTimeout(() => {
    const findings = document.createElement("pre");
    findings.id = "findings";
    findings.hidden = true;
    const { scrollWidth: width, scrollHeight: height } = document.documentElement;
    const bottom = Math.ceil(document.body.getBoundingClientRect().bottom);
    findings.textContent = JSON.stringify({ wrong, widgets: found, width, height, bottom });
    document.body.append(findings);
  }, 200);
});

"""What is around the pictures of a study's page: which style, and which script that unpacks and draws?

The names between double at-signs are filled in by ``study_pages.render_page``.
"""

from __future__ import annotations

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@@TITLE@@</title>
<style>
  body { margin: 0 auto; max-width: 1180px; padding: 20px 24px 60px; background: #fff; color: #1f2933;
         font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  h1 { font-size: 24px; margin: 0 0 2px; }
  h2 { font-size: 17px; margin: 0; }
  p { margin: 2px 0 8px; color: #52606d; }
  nav { margin: 12px 0 0; padding: 8px 0; border-top: 1px solid #e6eaee; border-bottom: 1px solid #e6eaee;
        position: sticky; top: 0; background: #fff; z-index: 10; }
  nav a { margin-right: 22px; color: #0072B2; text-decoration: none; }
  nav a:hover { text-decoration: underline; }
  section { margin-top: 30px; scroll-margin-top: 44px; }
  .scroll { overflow-x: auto; }
  #trouble { color: #D55E00; }
</style>
</head>
<body>
<h1>@@STUDY@@</h1>
<p>@@SUMMARY@@</p>
@@LINKS@@
<p id="trouble"><noscript>The pictures need JavaScript.</noscript></p>
@@BODIES@@
<script id="data" type="application/json">@@DATA@@</script>
<script id="library" type="text/plain">@@LIBRARY@@</script>
<script>
"use strict";
async function draw() {
  const packed = Uint8Array.from(atob(document.getElementById("library").textContent), c => c.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.appendChild(script);
  const { hover, figures } = JSON.parse(document.getElementById("data").textContent);
  for (const [name, figure] of Object.entries(figures)) {
    for (const trace of figure.data) {
      if (trace.customdata) trace.text = trace.customdata.map(number => hover[number] ?? "");
    }
    const parallel = figure.data.some(trace => trace.type === "parcoords");
    const settings = { displaylogo: false, responsive: !figure.layout.width,
      displayModeBar: figure.data.length ? "hover" : false,
      modeBarButtons: [parallel ? ["toImage"] : ["zoom2d", "pan2d", "resetScale2d", "toImage"]] };
    await Plotly.newPlot("picture-" + name, figure.data, figure.layout, settings);
  }
}
draw().catch(error => {
  document.getElementById("trouble").textContent =
    "The pictures cannot be drawn (" + error + "). They need a browser of 2023 or later.";
});
for (const link of document.querySelectorAll("nav a")) {
  link.addEventListener("click", event => {
    event.preventDefault();
    document.querySelector(link.getAttribute("href")).scrollIntoView({ behavior: "smooth" });
  });
}
</script>
</body>
</html>
"""

import { CHART_STYLE, colorStyle, FONT_FAMILY } from "../chart/style.ts";

/** The page's style sheet: light and dark, one column on narrow screens. */
export const PAGE_STYLE = `${colorStyle(":root")}
:root{color-scheme:light dark;--raised:#f6f8fa;--edge:#d1d9e0;--link:#0b5cad;--good:#0a6b45;--bad:#a3360a}
@media(prefers-color-scheme:dark){:root{--raised:#151b23;--edge:#3d444d;--link:#6cb6ff;--good:#3fd18f;--bad:#ff9d66}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 ${FONT_FAMILY}}
#page{max-width:1320px;margin:0 auto;padding:20px 24px 40px}
h1{font-size:clamp(20px,3vw,29px);line-height:1.25;margin:.2em 0 .5em;max-width:32em;text-wrap:balance}
h2{font-size:17px;line-height:1.3;margin:0 0 10px}
p{margin:.4em 0}
.quiet,.scenario{color:var(--quiet)}
.scenario{margin:0}
.skip{position:absolute;left:-999px}
.skip:focus{left:12px;top:8px;background:var(--paper);padding:6px 10px;z-index:3}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:2px}
.verdicts{list-style:none;margin:0 0 8px;padding:0;display:grid;grid-template-columns:max-content max-content 1fr;column-gap:18px}
.verdicts li{display:contents}
.verdicts li>:first-child{grid-column:1}.verdicts li>b:last-child{grid-column:2/-1}
.saves{color:var(--good)}.costs{color:var(--bad)}
section{margin:0 0 34px;min-width:0}
#claims{margin-top:22px;padding-top:16px;border-top:1px solid var(--edge)}
.claims{display:grid;grid-template-columns:repeat(auto-fill,minmax(285px,1fr));gap:8px;align-items:start}
.claim{border:1px solid var(--edge);border-radius:8px;background:var(--raised)}
.claim summary{display:flex;gap:10px;padding:9px 12px;cursor:pointer;list-style:none}
.claim summary::-webkit-details-marker{display:none}
.claim[open]{grid-column:1/-1}
.claim p{margin:4px 14px 8px 38px;font-size:14px}
.sign{font-size:17px;line-height:1.3;width:16px;flex:none;text-align:center;font-weight:700}
.holds .sign,.holds .verdict{color:var(--good)}
.does-not-hold .sign,.does-not-hold .verdict{color:var(--bad)}
.claim-text,.verdict{display:block}
.claim-text{font-size:14px}
.verdict{font-size:13px;font-weight:600;color:var(--quiet)}
.workbench{display:grid;grid-template-columns:268px minmax(0,1fr);gap:32px}
aside{position:sticky;top:12px;align-self:start;max-height:calc(100vh - 24px);overflow:auto;padding:14px 16px;border:1px solid var(--edge);border-radius:10px;background:var(--raised)}
.control{margin:0 0 9px}
.control label{display:block;font-size:13px;color:var(--quiet)}
select,input[type=number]{width:100%;font:inherit;font-size:14px;padding:3px 6px;min-height:30px;color:var(--ink);background:var(--paper);border:1px solid var(--edge);border-radius:6px}
.slider{display:grid;grid-template-columns:minmax(0,1fr) 92px;column-gap:10px;align-items:center}
.slider label{grid-column:1/-1}
.slider input[type=range]{order:1;width:100%;margin:0;accent-color:var(--link)}
.slider input[type=number]{order:2}
input:disabled{opacity:.5}
#problems{color:var(--bad);font-size:14px}
#problems ul{margin:4px 0;padding-left:18px;overflow-wrap:anywhere}
header.stale,.stale .pictures,.stale #claims,.stale .live{filter:grayscale(1)}
header.stale h1,.stale .live b{color:var(--quiet)}
.live{margin:0 0 12px;line-height:1.35;font-size:13px;color:var(--quiet)}
.live b{display:block;font-size:26px;line-height:1.1;color:var(--ink)}
svg{display:block}
.pictures svg.chart[viewBox]{width:100%;height:auto;overflow:visible}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center;margin:0 0 6px;font-size:14px}
.key{display:inline-flex;gap:6px;align-items:center}
.dot{transition:transform .16s ease-out}
.dot:hover .mark,.dot:focus .mark,.dot.lit .mark{stroke:var(--ink);stroke-width:2}
.dot:focus{outline:none}
.dot:focus-visible{outline:3px solid var(--link);outline-offset:3px}
@media(prefers-reduced-motion:reduce){.dot{transition:none}}
#tip{position:absolute;z-index:2;max-width:300px;padding:8px 11px;border-radius:8px;border:1px solid var(--edge);background:var(--paper);box-shadow:0 3px 14px rgba(0,0,0,.22);font-size:13px;line-height:1.45;pointer-events:none;overflow-wrap:anywhere}
#tip b{display:block}
#tip[hidden]{display:none}
.reaches{list-style:none;margin:0 0 8px;padding:0}
.reaches li{margin:0 0 6px}
button{font:inherit;font-size:14px;padding:4px 12px;min-height:32px;border:1px solid var(--edge);border-radius:6px;background:var(--raised);color:var(--link);font-weight:600;cursor:pointer}
button:hover{border-color:var(--link)}
.buttons{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
.target line{stroke:var(--accent);stroke-width:1.5;stroke-dasharray:2 3}
.chart .target text,.chart .crossing-text{fill:var(--accent);font-weight:600}
.chart .crossing{fill:var(--paper);stroke:var(--accent);stroke-width:2.5}
.chart .pin.here{stroke-width:1;stroke-dasharray:none}
.chart circle.here{fill:var(--ink);stroke:var(--paper);stroke-width:1.5}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:3px 8px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid)}
th.text,td.text{text-align:left}
tbody th{font-weight:400}
tbody th svg{display:inline-block;vertical-align:-1px;margin-right:7px}
thead th{padding:0;border-bottom:1px solid var(--quiet)}
thead button{width:100%;border:0;background:none;padding:5px 8px;color:var(--ink);text-align:inherit;white-space:nowrap}
.arrow{font-size:10px}
tfoot th,tfoot td{border-top:1px solid var(--quiet);border-bottom:0;font-weight:600}
tr.lit,tbody tr:hover{background:var(--raised)}
td.share{min-width:124px}
.meter{display:inline-block;margin-left:8px;vertical-align:-1px}
code{display:block;padding:9px 12px;border:1px solid var(--edge);border-radius:6px;background:var(--raised);font:13px/1.5 ui-monospace,Consolas,monospace;overflow-wrap:anywhere}
.pending{filter:grayscale(1);transition:filter .1s .15s}
footer{border-top:1px solid var(--edge);padding-top:14px;font-size:14px;color:var(--quiet)}
footer ul{padding-left:18px}
@media(max-width:860px){
.workbench{display:block}
aside{position:static;max-height:none;margin-bottom:28px}
#main-controls{display:grid;grid-template-columns:repeat(auto-fill,minmax(138px,1fr));gap:0 14px}
#main-controls h2{grid-column:1/-1}
}
@media(max-width:520px){
.slider{grid-template-columns:minmax(0,1fr)}
.slider input[type=range]{order:3;margin-top:5px}
#page{padding:14px 14px 30px}
.verdicts{grid-template-columns:max-content 1fr}
.verdicts li>:first-child{grid-column:1/-1;margin-top:4px}.verdicts li>b:last-child{grid-column:1/-1}
}
@media print{aside,.skip,#share{display:none}.workbench{display:block}}
${CHART_STYLE}`;

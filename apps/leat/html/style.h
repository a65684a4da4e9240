/// The look of a page and of a chart on its own.
#pragma once

namespace leat::app::html {

/// Colours of charts. Told apart also by readers who do not see red and green as different.
inline constexpr const char* chart_style = R"css(
.chart{--ink:#1b1f24;--faint:#667079;--line:#d4d9de;--c0:#2f6db5;--c1:#d97706;--c2:#8a94a0;
--paper:#fff;--c3:#4b8f57;--c4:#8e5bb5;--c5:#c2527a;--c6:#1f9aa8;--c7:#7a6a3a;
--c8:#3b3f46;--c9:#b0413e}
.chart text{fill:var(--ink);font:10.5px system-ui,sans-serif}
.chart .faint{fill:var(--faint)}
.chart .axis{stroke:var(--line);stroke-width:1}
.chart .mark{stroke:var(--faint);stroke-width:1;stroke-dasharray:3 2;fill:none}
.chart .paper{fill:var(--paper);stroke:var(--line)}.chart .title{font-weight:600;font-size:11.5px}
.chart .cut{stroke:var(--paper);stroke-width:1.6;fill:none}
.chart .whisker{stroke:var(--ink);stroke-width:1.2;fill:none}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}
.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}
.s4{stroke:var(--c4)}.s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}
.s8{stroke:var(--c8)}.s9{stroke:var(--c9)}
.d0{fill:var(--c0)}.d1{fill:var(--c1)}.d2{fill:var(--c2)}.d3{fill:var(--c3)}.d4{fill:var(--c4)}
.d5{fill:var(--c5)}.d6{fill:var(--c6)}.d7{fill:var(--c7)}.d8{fill:var(--c8)}.d9{fill:var(--c9)}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}
@media (prefers-color-scheme:dark){.chart{--ink:#e6e9ec;--faint:#9aa4ae;--line:#3a424a;
--paper:#14181c;
--c0:#6aa5e8;--c1:#f0a03c;--c2:#7f8a96;--c3:#7cc18a;
--c4:#b78ae0;--c5:#ea86aa;--c6:#5cc8d4;--c7:#c2ad6a;
--c8:#d9dde2;--c9:#f2857f}}
)css";

inline constexpr const char* page_style = R"css(
:root{color-scheme:light dark;
--paper:#fff;--text:#1b1f24;--soft:#667079;--rule:#d4d9de;--well:#f4f6f8;
--link:#2159a0;--good:#2d7039;--bad:#9a5b00}
@media (prefers-color-scheme:dark){:root{
--paper:#14181c;--text:#e6e9ec;--soft:#9aa4ae;--rule:#3a424a;
--well:#1d2328;--link:#7db4f0;--good:#7cc18a;--bad:#f0a03c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
p{margin:.5rem 0;max-width:46rem}
.soft,.origin{color:var(--soft)}.origin{font-size:.8rem;overflow-wrap:anywhere}
h3{font-size:1rem;margin:1.5rem 0 .5rem}h4{font-size:.95rem;margin:0 0 .5rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));
gap:1.5rem 2.5rem;margin:1.25rem 0}
figure{margin:0;min-width:0;max-width:36rem}svg{display:block;width:100%;height:auto}
figcaption{margin-top:.5rem}
nav ul{padding-left:1.2rem;margin:1rem 0;columns:22rem;column-gap:2.5rem}nav li{break-inside:avoid}
a{color:var(--link)}:focus-visible{outline:2px solid var(--link)}
details{border-top:1px solid var(--rule);padding:.25rem 0}
summary{cursor:pointer;padding:.35rem 0;font-weight:600}
article{border:1px solid var(--rule);border-radius:6px;padding:.25rem 1rem .75rem;margin:1rem 0;
max-width:52rem}article h3{margin:.6rem 0}
.badge{font-size:.8rem;border-radius:1rem;padding:.1rem .6rem;white-space:nowrap;border:1px solid}
.good{color:var(--good)}.bad{color:var(--bad)}
dl{display:grid;grid-template-columns:minmax(4.5rem,auto) 1fr;gap:.25rem .75rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .5rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th{font-weight:600;white-space:normal;vertical-align:bottom;line-height:1.25}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--paper)}
pre{background:var(--well);padding:.75rem;overflow-x:auto;font-size:.8rem;line-height:1.35}
)css";

}  // namespace leat::app::html

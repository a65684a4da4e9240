/// The look of a page and of a chart on its own.
#pragma once

namespace leat::app::html {

/// Colours of charts. Told apart also by readers who do not see red and green as different.
inline constexpr const char* chart_style = R"css(
.chart{--ink:#1b1f24;--faint:#667079;--line:#d4d9de;--c0:#2f6db5;--c1:#d97706;--c2:#8a94a0;
--c3:#4b8f57;--c4:#8e5bb5;--c5:#c2527a;--c6:#1f9aa8;--c7:#7a6a3a}
.chart text{fill:var(--ink);font:10.5px system-ui,sans-serif}
.chart .faint{fill:var(--faint)}
.chart .axis{stroke:var(--line);stroke-width:1}
.chart .whisker{stroke:var(--ink);stroke-width:1.2;fill:none}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}
.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}
.s4{stroke:var(--c4)}.s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}
@media (prefers-color-scheme:dark){.chart{--ink:#e6e9ec;--faint:#9aa4ae;--line:#3a424a;
--c0:#6aa5e8;--c1:#f0a03c;--c2:#7f8a96;--c3:#7cc18a;
--c4:#b78ae0;--c5:#ea86aa;--c6:#5cc8d4;--c7:#c2ad6a}}
)css";

inline constexpr const char* page_style = R"css(
:root{color-scheme:light dark;
--paper:#fff;--text:#1b1f24;--soft:#667079;--rule:#d4d9de;--well:#f4f6f8}
@media (prefers-color-scheme:dark){:root{
--paper:#14181c;--text:#e6e9ec;--soft:#9aa4ae;--rule:#3a424a;
--well:#1d2328}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
h3{font-size:1rem;margin:0 0 .5rem}p{margin:.5rem 0;max-width:46rem}
.soft,.origin{color:var(--soft)}.origin{font-size:.8rem;overflow-wrap:anywhere}
figure{margin:1.25rem 0;max-width:34rem}svg{display:block;width:100%;height:auto}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{font-weight:600}
pre{background:var(--well);padding:.75rem;overflow-x:auto;font-size:.8rem;line-height:1.35}
)css";

}  // namespace leat::app::html

import { colours, type Colours } from './colours.ts'

const properties = (colours: Colours) =>
  Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';')

/** The same on every page of every deployment, so that its hash stands in the Content-Security-Policy. */
export const stylesheet = `
:root{color-scheme:light dark;${properties(colours.light)}}
@media (prefers-color-scheme:dark){:root{${properties(colours.dark)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100svh;display:flex;flex-direction:column;align-items:center;
padding:clamp(1rem,8vh,5rem) 1rem 2rem;background:var(--background);color:var(--text);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
header{display:flex;align-items:center;gap:.75rem;width:100%;max-width:27rem;margin-bottom:1rem;padding:0 .25rem;
font-weight:600}
header img{display:block;height:2rem;width:auto;max-width:10rem;object-fit:contain}
main{width:100%;max-width:27rem;padding:1.75rem;background:var(--surface);border:1px solid var(--rule);
border-top:.25rem solid var(--accent);border-radius:.5rem}
h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25;font-weight:600;text-wrap:balance}
h2{margin:1.5rem 0 .5rem;font-size:1rem;line-height:1.5;font-weight:600}
p{margin:0 0 1rem}
.muted{color:var(--muted);font-size:.875rem}
.error{color:var(--error)}
a{color:var(--link);text-underline-offset:.15em}
code{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.choices{list-style:none;margin:1.25rem 0 0;padding:0;display:grid;gap:.625rem}
.choices a{display:flex;align-items:center;justify-content:space-between;gap:1rem;min-height:3rem;padding:.5rem 1rem;
border:1px solid var(--line);border-radius:.375rem;color:var(--text);font-weight:500;text-decoration:none}
.choices a:hover{border-color:var(--text)}
.choices a::after{content:"";flex:none;width:.5rem;height:.5rem;border:solid var(--muted);border-width:2px 2px 0 0;
transform:rotate(45deg)}
.or{margin-top:1.5rem;padding-top:.25rem;border-top:1px solid var(--rule)}
.scopes{margin:0 0 1rem;padding-left:1.25rem}
.scopes li{margin:.25rem 0}
label{display:block;margin-bottom:.25rem;font-weight:500}
input,button,.button{font:inherit;min-height:3rem;border:1px solid var(--line);border-radius:.375rem}
input{width:100%;padding:.5rem .75rem;background:var(--surface);color:var(--text)}
input[aria-invalid]{border-color:var(--error)}
button,.button{display:inline-flex;align-items:center;justify-content:center;padding:.5rem 1.25rem;font-weight:600;
cursor:pointer;background:var(--surface);color:var(--text);text-decoration:none}
button:hover,.button:hover{border-color:var(--text)}
.primary{background:var(--accent);color:var(--on-accent)}
.actions{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.5rem 0 1rem}
.actions>*{flex:1 1 8rem}
input+.actions{margin-top:.75rem}
main>:last-child,form:last-child>:last-child{margin-bottom:0}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
`

// Prints the catalogue of events as a markdown table. Run after the build: node tools/event-table.mjs
import { catalogue } from '../dist/event/catalogue.js'

const rows = Object.entries(catalogue)
  .sort(([, a], [, b]) => a.id - b.id)
  .map(([name, { id, level, message }]) => `| ${id} | \`${name}\` | ${level} | ${message.replaceAll('|', '\\|')} |`)

console.log(['| Number | Name | Level | Message |', '|---|---|---|---|', ...rows].join('\n'))

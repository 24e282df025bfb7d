// A tap reporter for CI: passes TAP through and closes with the line "N passed, N failed".
import { Transform } from 'node:stream'

export default class SummaryReporter extends Transform {
  #tail = ''

  _transform(chunk, _encoding, done) {
    this.#tail = (this.#tail + chunk).slice(-4096)
    done(null, chunk)
  }

  _flush(done) {
    const totals = [...this.#tail.matchAll(/^# \{ total: .*\}$/gm)].pop()?.[0] ?? ''
    const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0)
    const skipped = count('skip') > 0 ? `, ${count('skip')} skipped` : ''
    this.push(`${count('pass')} passed, ${count('fail')} failed${skipped}\n`)
    done()
  }
}

import { type DrillOrder, hangManners } from '../drill/drill-report.js'
import { HangdogError } from '../errors.js'
import { longestLimit, milliseconds } from '../time.js'
import { shortestLimit } from '../watch/policy.js'

/** Reads the parameters of `drill`. @throws HangdogError `usage` naming the one that is wrong */
export function readDrillOrder({ service, timeoutMs, how }: Readonly<Record<string, unknown>>): DrillOrder {
  if (typeof service !== 'string') throw refusal('service', 'the name of a service', service)
  const manner = hangManners.find((each) => each === how)
  if (how !== undefined && manner === undefined) throw refusal('how', `one of ${hangManners.join(', ')}`, how)
  if (timeoutMs !== undefined && !isLimit(timeoutMs)) {
    throw refusal('timeoutMs', `a number from ${shortestLimit} to ${longestLimit}`, timeoutMs)
  }
  return {
    service,
    ...(timeoutMs !== undefined && { timeout: milliseconds(timeoutMs) }),
    ...(manner !== undefined && { how: manner }),
  }
}

function isLimit(value: unknown): value is number {
  return typeof value === 'number' && value >= shortestLimit && value <= longestLimit
}

function refusal(name: string, expected: string, given: unknown): HangdogError {
  return new HangdogError(
    'usage',
    `cannot read "${name}" of a drill: expected ${expected}, not ${JSON.stringify(given)}`,
  )
}

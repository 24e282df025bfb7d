import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { HangdogError } from '../errors.js'

/** What a call of the guard returned. @throws HangdogError `permission` or `unavailable`, with `what`, when it is a negative errno value */
export function check(result: number, what: string): number {
  if (result >= 0) return result
  const code = result === -constants.errno.EPERM ? 'permission' : 'unavailable'
  throw new HangdogError(code, `${what}: ${errorName(result)}`)
}

/** Of a negative errno value. */
export function errorName(negative: number): string {
  return getSystemErrorName(negative)
}

import { HangdogError } from '../errors.js'
import { instancePattern } from '../state-directory.js'
import { shownText } from './shown-text.js'

/** @throws HangdogError when a service cannot have this name */
export function checkServiceName(name: string, code: 'usage' | 'data' = 'usage'): string {
  if (instancePattern.test(name)) return name
  const expected = '1 to 64 letters, digits, ".", "_" or "-", not starting with "."'
  throw new HangdogError(code, `cannot use the service name "${shownText(name)}": expected ${expected}`)
}

import { Command } from 'commander'
import { HangdogError } from '../errors.js'

const consent = 'BugCheckConsent'

const example = `
Example:
  hangdog prop set BugCheckConsent=1     (as root: HangRecoveryAction 3 may stop this machine from now on)`

/** Properties of the machine. So far there is one; the others come with the property store. */
export function propCommand(): Command {
  const command = new Command('prop').description('properties of this machine').addHelpText('after', example)
  command
    .command('get <name>')
    .description('show a property')
    .option('--state-dir <directory>', 'where it is kept')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  hangdog prop get BugCheckConsent')
    .action(get)
  command
    .command('set <name=value>')
    .description('change a property; takes effect within seconds, without a restart')
    .addHelpText('after', example)
    .option('--state-dir <directory>', 'where it is kept')
    .action(set)
  return command
}

async function get(name: string, options: { readonly stateDir?: string; readonly json?: boolean }): Promise<void> {
  checkName(name)
  const { getConsent } = await import('../bugcheck-consent.js')
  const { findStateDirectory } = await import('../state-directory.js')
  const value = await getConsent(findStateDirectory(options.stateDir))
  const text = options.json === true ? JSON.stringify({ name, value }) : `${name}=${value}`
  process.stdout.write(`${text}\n`)
}

async function set(assignment: string, options: { readonly stateDir?: string }): Promise<void> {
  const [name = '', value] = assignment.split('=')
  checkName(name)
  if (value !== '0' && value !== '1') {
    throw new HangdogError('usage', `cannot set property "${name}": expected 0 or 1, not "${value ?? ''}"`)
  }
  const { setConsent } = await import('../bugcheck-consent.js')
  const { openStateDirectory } = await import('../state-directory.js')
  await setConsent(openStateDirectory(options.stateDir), value === '1' ? 1 : 0)
}

function checkName(name: string): void {
  if (name !== consent) throw new HangdogError('usage', `cannot find property "${name}": expected ${consent}`)
}

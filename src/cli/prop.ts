import { Command, Option } from 'commander'
import { describeDefinitions } from '../property/definition-table.js'
import { propertyProfiles } from '../property/definitions.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Output, openOutput } from './output.js'
import type { PropertyOptions } from './prop-list.js'

/** `hangdog prop`: the properties that decide how services are watched. */
export function propCommand(open: () => Output = openOutput, input: NodeJS.ReadableStream = process.stdin): Command {
  const command = new Command('prop')
    .description('properties: how services are watched, and what may be done about a hang')
    .addHelpText('after', examplesOf(...examples))
  for (const each of [listCommand(open), getCommand(open), setCommand(open), resetCommand(open)])
    command.addCommand(each)
  command.addCommand(exportCommand(open))
  command.addCommand(importCommand(open, input))
  return command
}

const examples = [
  'hangdog prop list                                    what there is, and where each value comes from',
  'hangdog prop set HangRecoveryAction=2                for all services',
  'hangdog prop set --service web ClusSvcHeartbeatTimeout=10 HangRecoveryAction=log',
  'hangdog prop set BugCheckConsent=1                   as root: HangRecoveryAction 3 may stop this machine from now on',
]

function listCommand(open: () => Output): Command {
  return withOptions('list', 'show all properties: value, unit, where it comes from, default and bounds')
    .addOption(profileOption('show'))
    .addHelpText('after', examplesOf('hangdog prop list --service web'))
    .addHelpText('after', () => `\nProperties:\n${describeDefinitions().join('\n')}`)
    .action(async (options: PropertyOptions) => {
      await (await import('./prop-list.js')).listProperties(options, open())
    })
}

function getCommand(open: () => Output): Command {
  return withOptions('get', 'show some properties as `list` does')
    .argument('<name...>', 'of the properties, in upper or lower case')
    .addOption(profileOption('show'))
    .addHelpText('after', examplesOf('hangdog prop get HangRecoveryAction --service web'))
    .action(async (names: readonly string[], options: PropertyOptions) => {
      await (await import('./prop-list.js')).getProperties(names, options, open())
    })
}

function setCommand(open: () => Output): Command {
  return withOptions('set', 'change properties, all or none; takes effect at once, without a restart')
    .argument('[assignments...]', 'each NAME=VALUE[:FORMAT]; a number is decimal or 0x, or a word of the property')
    .addOption(profileOption('store'))
    .addHelpText(
      'after',
      examplesOf(
        'hangdog prop set ClusSvcHeartbeatTimeout=30 HangRecoveryAction=terminate',
        'hangdog prop set --service web HeartbeatTimeoutMilliseconds=500',
        'hangdog prop set --profile windows2003',
      ) + exitCodes,
    )
    .action(async (assignments: readonly string[], options: PropertyOptions) => {
      await (await import('./prop-set.js')).setProperties(assignments, options, open())
    })
}

function resetCommand(open: () => Output): Command {
  return withOptions('reset', 'give properties their defaults again, all or none; takes effect at once')
    .argument('<name...>', 'of the properties')
    .addHelpText('after', examplesOf('hangdog prop reset --service web HangRecoveryAction') + exitCodes)
    .action(async (names: readonly string[], options: PropertyOptions) => {
      await (await import('./prop-set.js')).resetProperties(names, options, open())
    })
}

const exitCodes = `

Exit codes: 64 when a name or a value is wrong, 65 when the store is damaged, 69 when somebody else is writing it, 73 when it cannot be
written, 77 when it is not permitted. Nothing is changed then.`

function exportCommand(open: () => Output): Command {
  return exchange('export', 'write what is stored; what has its default is left out')
    .argument('[file]', 'where to (default: standard output)')
    .addHelpText('after', examplesOf('hangdog prop export --format json > properties.json') + exchangeNotes)
    .action(async (file: string | undefined, options: ExchangeOptions) => {
      await (await import('./prop-exchange.js')).exportProperties(file, options, open())
    })
}

function importCommand(open: () => Output, input: NodeJS.ReadableStream): Command {
  return exchange('import', 'set what a file says, all or nothing; what it does not name stays as it is')
    .argument('[file]', 'where from (default: standard input)')
    .addHelpText('after', examplesOf('hangdog prop import --format json properties.json') + exchangeNotes)
    .action(async (file: string | undefined, options: ExchangeOptions) => {
      await (await import('./prop-exchange.js')).importProperties(file, options, { output: open(), input })
    })
}

const exchangeNotes = `

Formats: "json" has the common properties and those of all services, or with --service those of one. "clusprop" is a binary property
list as MSCS has it, of the common properties, or with --service of the private ones.

Exit codes: 65 when the data is wrong; nothing is changed then.`

export interface ExchangeOptions extends StateOptions {
  readonly service?: string
  readonly format: 'json' | 'clusprop'
}

function exchange(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(new Option('--format <format>', 'of the file').choices(['json', 'clusprop']).default('json'))
    .addOption(serviceOption())
    .addOption(stateDirectoryOption())
}

function withOptions(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(serviceOption())
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
}

function serviceOption(): Option {
  return new Option('--service <name>', 'of this service (default: of the whole cluster)')
}

function profileOption(verb: 'show' | 'store'): Option {
  const text = `${verb} the defaults of today, or those of Windows 2000 and 2003`
  return new Option('--profile <profile>', text).choices([...propertyProfiles])
}

function examplesOf(...lines: readonly string[]): string {
  return `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}

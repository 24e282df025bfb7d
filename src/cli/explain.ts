import { Command } from 'commander'
import type { ExplanationWithProperties } from '../effective-property.js'
import type { Explanation } from '../watch/explain.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { escapeText, formatTime, type Output, openOutput } from './output.js'

/** `hangdog explain`: what would be done about a service now, and why what was done was done. */
export function explainCommand(open: () => Output = openOutput): Command {
  return new Command('explain')
    .description('say what would be done about a service now and why, and what the last verdict rests on')
    .argument('<service>', 'name of the service')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Example:
  $ hangdog explain web

Exit codes: 69 when no hangdog runs with the state directory, 64 when there is no such service.`,
    )
    .action((service: string, options: StateOptions) => explain(service, options, open()))
}

async function explain(service: string, options: StateOptions, output: Output): Promise<void> {
  const [{ askStatus, findDaemons }, { callControl }] = await Promise.all([
    import('./daemons.js'),
    import('../control/client.js'),
  ])
  const { live } = await findDaemons(options.stateDir, output)
  for (const { instance } of await askStatus(live, service)) {
    const path = live.find(({ name }) => name === instance)?.path
    if (path === undefined) continue
    const explanation = await callControl(path, 'explain', { service })
    if (options.json === true) await output.writeJson({ instance, ...explanation })
    else await output.write(describeExplanation(explanation, instance, output))
  }
}

function describeExplanation(explanation: ExplanationWithProperties, instance: string, output: Output): string {
  const { service, state, detail, next, last, properties } = explanation
  const lines = [
    `${output.paint('bold', escapeText(service))} (watched by ${escapeText(instance)}) is ${escapeText(state)}: ${escapeText(detail)}`,
    '',
    output.paint('bold', 'What happens next'),
    ...next.map((sentence, index) => `  ${index + 1}. ${escapeText(sentence)}`),
    '',
    output.paint('bold', 'By these properties'),
    ...properties.map(({ name, value, by }) => `  ${name}=${escapeText(value)} (${escapeText(by)})`),
    '',
    output.paint('bold', 'The last verdict'),
    ...describeLast(last),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function describeLast(last: Explanation['last']): readonly string[] {
  if (last === null) return ['  Its silence was never judged: there was none.']
  return [
    `  ${formatTime(last.at)}, channel ${escapeText(last.channel)}: ${escapeText(last.sentence)}`,
    `  reading at the warning: ${describeReading(last.readingAtWarning)}`,
    `  reading at expiry:      ${describeReading(last.readingAtExpiry)}`,
    `  held before that:       ${describeReading(last.heldSoFarMs)}`,
  ]
}

/** Readings are shown as they are: their fields are what the verdict was made from. */
function describeReading(reading: unknown): string {
  if (typeof reading !== 'object' || reading === null) return 'none'
  const facts = Object.entries(reading).map(([name, value]) => `${name} ${String(value)}`)
  return facts.length === 0 ? 'none' : escapeText(facts.join(', '))
}

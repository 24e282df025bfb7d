import { Command } from 'commander'
import type { ExplanationWithProperties } from '../effective-property.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Output, openOutput } from './output.js'

/** `hangdog explain`: what would be done about a service now, and why what was done was done. */
export function explainCommand(open: () => Output = openOutput): Command {
  return new Command('explain')
    .description(
      'say what would be done about a service now and why, and which rule, readings and clocks the last verdict rests on',
    )
    .argument('<service>', 'name of the service')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Example:
  $ hangdog explain web

When no hangdog runs, what is on disk about the service is explained: its last incident and its last near miss.

Exit codes: 69 when no hangdog runs and nothing is on disk about the service, 64 when there is no such service.`,
    )
    .action((service: string, options: StateOptions) => explain(service, options, open()))
}

async function explain(service: string, options: StateOptions, output: Output): Promise<void> {
  const [{ findDaemons }, { HangdogError }] = await Promise.all([import('./daemons.js'), import('../errors.js')])
  try {
    await explainLive(service, await findDaemons(options.stateDir, output), options, output)
  } catch (error) {
    const nobodyKnows = error instanceof HangdogError && (error.code === 'unavailable' || error.code === 'usage')
    if (!nobodyKnows || !(await explainStored(service, options, output))) throw error
  }
}

type Daemons = Awaited<ReturnType<typeof import('./daemons.js').findDaemons>>

async function explainLive(service: string, { live }: Daemons, options: StateOptions, output: Output): Promise<void> {
  const [{ askStatus }, { callControl }, { describeExplanation }] = await Promise.all([
    import('./daemons.js'),
    import('../control/client.js'),
    import('./explanation-view.js'),
  ])
  for (const { instance } of await askStatus(live, service)) {
    const path = live.find(({ name }) => name === instance)?.path
    if (path === undefined) continue
    const explanation: ExplanationWithProperties = await callControl(path, 'explain', { service })
    if (options.json === true) await output.writeJson({ instance, ...explanation })
    else await output.write(describeExplanation(explanation, instance, output))
  }
}

/** @returns whether anything is on disk about the service */
async function explainStored(service: string, options: StateOptions, output: Output): Promise<boolean> {
  const [{ readStoredExplanation }, { describeStored }, { findStateDirectory }] = await Promise.all([
    import('./stored-explanation.js'),
    import('./explanation-view.js'),
    import('../state-directory.js'),
  ])
  const stored = await readStoredExplanation(service, findStateDirectory(options.stateDir))
  if (stored === undefined) return false
  if (options.json === true) await output.writeJson(stored)
  else await output.write(describeStored(stored, output))
  return true
}

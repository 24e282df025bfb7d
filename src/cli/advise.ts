import { Command } from 'commander'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Output, openOutput } from './output.js'

/** `hangdog advise`: what limit the recorded gaps between beats speak for. */
export function adviseCommand(open: () => Output = openOutput): Command {
  return new Command('advise')
    .description('propose a timeout from how far the beats of a service were apart so far, with the reasons')
    .argument('[service]', 'only this service')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ hangdog advise              all services that were ever watched with this state directory
  $ hangdog advise web --json   one of them, for other programs

The proposal is the most of 12 mean gaps, 2 times the longest gap and 3 times the 99.9th percentile, rounded up. It takes 1000 gaps
and 10 minutes. The columns headed by a limit (≥ 6s) tell how many silences reached it and then ended by themselves: with that limit
each would have been a false alarm. Time in which hangdog did not run and silences that were held do not count. Percentiles are at
most 12.5 % too high, never too low; mean and maximum are exact. A limit given on the command line or in the file of supervise goes
before the property that is proposed.

Exit codes: 69 when nothing was recorded, 64 when there is no such service.`,
    )
    .action((service: string | undefined, options: StateOptions) => advise(service, options, open()))
}

async function advise(service: string | undefined, options: StateOptions, output: Output): Promise<void> {
  const [{ findGaps }, { adviseOn }, { layOutAdvice }] = await Promise.all([
    import('./gap-sources.js'),
    import('../advice/advice.js'),
    import('./advice-view.js'),
  ])
  const sources = await findGaps(options.stateDir, service, output)
  for (const [at, { instance, records }] of sources.entries()) {
    for (const advice of adviseOn(records)) {
      if (options.json === true) await output.writeJson({ instance: instance ?? null, ...advice })
      else {
        const lines = layOutAdvice(advice, instance, output)
        await output.write(`${at > 0 ? '\n' : ''}${lines.map((line) => `${line}\n`).join('')}`)
      }
    }
  }
}

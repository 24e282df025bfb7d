import { styleText } from 'node:util'
import { Command } from 'commander'
import { describeError, HangdogError } from '../errors.js'

const example = `
Example:
  hangdog demo

A real web service hangs, is found, explained, terminated and restarted; about half a minute. It exits with 0 only when every step
was observed.`

export function demoCommand(): Command {
  return new Command('demo')
    .description('the main job in a minute: a real web service hangs and is recovered')
    .addHelpText('after', example)
    .action(demo)
}

async function demo(): Promise<void> {
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined
  const startedAt = performance.now()
  const print = (text: string): void => void process.stdout.write(`${text}\n`)
  const stamp = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`
  const { playDemo } = await loadShow()
  try {
    await playDemo({
      say: print,
      observed: (text) => print(`${colour ? styleText('green', '✓') : 'ok'} ${stamp()}  ${text}`),
    })
  } catch (error) {
    print(`${colour ? styleText('red', '✗') : 'FAILED'} ${stamp()}  ${describeError(error)}`)
    throw new HangdogError('internal', `the demo did not get through: ${describeError(error)}`, error)
  }
  print('')
  print('Every step was observed.')
}

async function loadShow(): Promise<typeof import('../demo/show.js')> {
  try {
    await import('express')
  } catch (error) {
    throw new HangdogError(
      'unavailable',
      'cannot run the demo: the optional dependency "express" is not installed (npm install express)',
      error,
    )
  }
  return await import('../demo/show.js')
}

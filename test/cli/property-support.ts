import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { clusterCommand } from '../../src/cli/cluster.js'
import type { Output } from '../../src/cli/output.js'
import { propCommand } from '../../src/cli/prop.js'
import { type Ran, runCommand } from './support.js'

interface Test {
  teardown(fn: () => unknown): void
}

/** Runs `hangdog prop ARGS`, or `hangdog cluster …` where that is the first word, on a state directory. */
export function runIn(directory: string, args: readonly string[], input: string | Uint8Array = ''): Promise<Ran> {
  const isCluster = args[0] === 'cluster'
  const make = (open: () => Output): Command =>
    isCluster ? clusterCommand(open) : propCommand(open, Readable.from([Buffer.from(input)]))
  return runCommand(make, [...(isCluster ? [] : ['prop']), ...args, '--state-dir', directory])
}

/** What the store has on disk; undefined before the first change. */
export function storedIn(directory: string): string | undefined {
  const path = join(directory, 'properties.json')
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/** Answers of a hangdog that runs, by method; a method that is missing is refused. */
export type Answers = Readonly<Record<string, unknown>>

/** A control socket that answers as it is told, and remembers what it was asked. */
export async function serveAnswers(t: Test, directory: string, instance: string, answers: Answers): Promise<string[]> {
  const asked: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      const { id, method } = JSON.parse(chunk.toString())
      asked.push(method)
      const error = { code: 'usage', message: `cannot do "${method}"` }
      const answer = Object.hasOwn(answers, method) ? { id, result: answers[method] } : { id, error }
      socket.write(`${JSON.stringify(answer)}\n`)
    })
  })
  mkdirSync(join(directory, 'control'), { recursive: true, mode: 0o700 })
  await new Promise<void>((resolve) => server.listen(join(directory, 'control', `${instance}.sock`), resolve))
  t.teardown(() => server.close())
  return asked
}

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

let groups = 0

/** A control group of this run's own, by name. */
export function groupName(): string {
  groups++
  return `hangdog-verdict-${process.pid}-${groups}`
}

export function lackOfRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'needs root'
}

export function lackOfProgram(name: string): string | undefined {
  const directories = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter)
  return directories.some((directory) => existsSync(join(directory, name))) ? undefined : `${name} is not installed`
}

/** Runs a program to its end. @throws Error when it fails, or takes longer than 30 s */
export function runProgram(program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${program} ${args.join(' ')} failed (${code}): ${output}`))
    })
  })
}

// How late a hung service dies that the guard ends alone, beside a bare thread in C, in the same run: `node bench/guard-alone.mjs [N] [MEMORY]`.
// Idle, with 8 busy loops, and with these while MEMORY percent (default 80) of the machine's memory are in use and being written. Needs gcc.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { freemem, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { printTable, summary } from './statistics.mjs'

const count = process.argv[2] ?? '320'
const memory = Number(process.argv[3] ?? 80)
const guardFolder = fileURLToPath(new URL('../native/guard/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const program = join(folder, 'alone-bench')
const loads = []

try {
  const sources = readdirSync(guardFolder).filter((file) => file.endsWith('.c'))
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-pthread', '-o', program, 'bench/alone-bench.c']
  const built = spawnSync('gcc', [...flags, ...sources], { cwd: guardFolder, stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
  table('Death of the service - last beat - limit of 100 ms, in ms; idle')
  for (let loop = 0; loop < 8; loop++) loads.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
  table('The same with 8 busy loops')
  await useMemory()
  table(`The same with these, and ${Math.round((1 - freemem() / totalmem()) * 100)} % of the memory in use`)
} finally {
  for (const load of loads) load.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

function table(title) {
  const { stdout, status } = spawnSync(program, [folder, count], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error('alone-bench failed')
  const series = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  printTable(title, Object.fromEntries(series.map(({ name, values }) => [name, summary(values)])))
}

/** A program that holds as much as is missing, and writes to all of it over and over. */
async function useMemory() {
  const missing = Math.floor((totalmem() * memory) / 100 - (totalmem() - freemem()))
  const chunk = 64 * 1024 * 1024
  const code = `const held = []
    for (let left = ${missing}; left > 0; left -= ${chunk}) held.push(Buffer.alloc(${chunk}, 1))
    process.stdout.write('held')
    for (;;) for (const part of held) part.fill(2)`
  const load = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  loads.push(load)
  await Promise.race([new Promise((resolve) => load.stdout.once('data', resolve)), sleep(60_000)])
}

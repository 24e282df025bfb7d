import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { readKernelRecords } from '../../src/aftermath/kernel-record.js'
import { temporaryDirectory } from '../event/events.js'
import { during, emergencyRecord, longBefore, panicRecord } from './support.js'

function put(path: string, text: string | Buffer, at = during): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  utimesSync(path, at, at)
}

t.test('records are read newest first, each with why the kernel wrote it', async (t) => {
  const directory = temporaryDirectory(t)
  put(join(directory, 'dmesg-ramoops-0'), emergencyRecord, longBefore)
  put(join(directory, 'dmesg-ramoops-1'), panicRecord)
  put(join(directory, 'console-ramoops-0'), 'Panic#1 Part1\nnot a dump')
  const found = await readKernelRecords([directory, join(directory, 'missing')])
  t.match(found, [
    { reason: 'panic', writtenAt: during, cut: false, text: /^<6>.*[\s\S]*Kernel panic - not syncing: Out of memory/ },
    { reason: 'emergency', writtenAt: longBefore, text: /hangdog: bugcheck 0x9E/ },
  ])
  t.equal(found.length, 2)
})

t.test('a record that is spread over files is put together, whatever systemd-pstore did with them', async (t) => {
  const directory = temporaryDirectory(t)
  const lines = emergencyRecord.split('\n').slice(1)
  const part = (number: number, text: readonly string[]) => `Emergency#1 Part${number}\n${text.join('\n')}\n`
  const place = join(directory, '1795247109', '001')
  put(join(place, 'dmesg-efi-179524710901001'), part(1, lines.slice(4)))
  put(join(place, 'dmesg-efi-179524710902001'), part(2, lines.slice(0, 4)))
  put(join(place, 'dmesg.txt'), 'what systemd-pstore put together')
  const [found, ...others] = await readKernelRecords([directory])
  t.same(others, [])
  t.match(found?.source, /01001$/, 'named by its newest part')
  t.equal(found?.text.trim(), lines.join('\n').trim())
})

t.test('two boots count their records alike, and stay apart', async (t) => {
  const directory = temporaryDirectory(t)
  put(join(directory, 'dmesg-ramoops-0'), panicRecord)
  put(join(directory, 'dmesg-ramoops-1'), panicRecord.replace('#1 Part1', '#1 Part2'), longBefore)
  t.equal((await readKernelRecords([directory])).length, 2)
})

t.test('what has no heading is passed over, and what is too long is cut', async (t) => {
  const directory = temporaryDirectory(t)
  put(join(directory, 'dmesg-ramoops-0.enc.z'), Buffer.from([0x78, 0x9c, 0, 255, 1]))
  put(join(directory, 'dmesg-ramoops-1'), '')
  put(join(directory, 'dmesg-ramoops-2'), `Oops#7 Part1\n${'x'.repeat(1_000_000)}`)
  const [found, ...others] = await readKernelRecords([directory])
  t.same(others, [])
  t.match(found, { reason: 'oops', cut: true })
  t.ok((found?.text.length ?? 0) < 200_000)
})

t.test('many records are bounded, and the newest are those that are read', async (t) => {
  const directory = temporaryDirectory(t)
  for (let index = 0; index < 100; index++) {
    const at = new Date(during.getTime() - index * 10_000)
    put(join(directory, `dmesg-ramoops-${index}`), `Panic#1 Part1\nnumber ${index}\n`, at)
  }
  const found = await readKernelRecords([directory])
  t.equal(found.length, 64)
  t.match(found[0]?.text, /number 0\n/)
})

t.test('a directory that may not be read is an error; one that is missing is not', async (t) => {
  const directory = temporaryDirectory(t)
  t.same(await readKernelRecords([join(directory, 'missing')]), [])
  const file = join(directory, 'file')
  writeFileSync(file, '')
  await t.rejects(readKernelRecords([file]), { code: 'ENOTDIR' })
  if (process.getuid?.() === 0) return
  chmodSync(directory, 0)
  await t.rejects(readKernelRecords([directory]), { code: 'EACCES' })
  chmodSync(directory, 0o700)
  rmSync(file)
})

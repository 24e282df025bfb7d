import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findKernelModule, KernelCountdown } from '../../src/platform/kernel-module.js'
import { thisProcess } from '../../src/process-identity.js'
import { milliseconds, seconds, zero } from '../../src/time.js'
import { nativeAddon } from '../support/native.js'

// What the module itself does is tried in virtual machines: test/vm/module*.test.ts.

t.test('a module that is not loaded is absent', async (t) => {
  t.same(findKernelModule(t.testdirName, join(t.testdir({}), 'api_version')), { kind: 'absent' })
})

t.test('a module of another version is not used', async (t) => {
  const version = join(t.testdir({ api_version: '2\n', device: '' }), 'api_version')
  t.match(findKernelModule(join(version, '..', 'device'), version), { kind: 'unusable', api: 2, reason: /version 1/ })
})

t.test('a device that cannot be opened is not used', async (t) => {
  const directory = t.testdir({ api_version: '1\n' })
  const found = findKernelModule(join(directory, 'device'), join(directory, 'api_version'))
  t.match(found, { kind: 'unusable', api: 1, reason: /ENOENT/ })
  writeFileSync(join(directory, 'device'), '')
  t.same(findKernelModule(join(directory, 'device'), join(directory, 'api_version')), { kind: 'usable', api: 1 })
})

const { addon, skip } = nativeAddon()
const kernel = addon?.kernel

t.test('a file that is no such device is refused and closed', { skip }, async (t) => {
  if (kernel === undefined) throw new Error('expected the addon to know the kernel module')
  const device = join(t.testdir({ device: '' }), 'device')
  t.throws(() => new KernelCountdown(kernel, device), { code: 'unavailable', message: /not ENOTTY/ })
  t.throws(() => new KernelCountdown(kernel, '/nowhere/device'), { code: 'unavailable', message: /ENOENT/ })
})

t.test('the binding refuses what is no number, and hands on what the system says', { skip }, async (t) => {
  if (kernel === undefined) throw new Error('expected the addon to know the kernel module')
  const bad = -9
  t.equal(kernel.version(-1), bad)
  t.equal(kernel.disarm(2 ** 40), bad)
  t.equal(kernel.extend(-1, 5), bad)
  t.equal(kernel.beat(-1), bad)
  t.equal(kernel.state(-1), bad)
  t.equal(kernel.event(-1), bad)
  const { pid } = thisProcess()
  t.equal(kernel.arm(-1, seconds(1), zero, pid, 0, 1, 0, 'name'), bad)
  t.equal(kernel.arm(-1, milliseconds(1), zero, 0, 0, 1, 0, 'name'), -22, 'pid 0')
  // @ts-expect-error what a caller without types could do
  t.throws(() => kernel.version('no number'), { code: 'ERR_INVALID_ARG_TYPE' })
  // @ts-expect-error as above
  t.throws(() => kernel.arm(1), { code: 'ERR_MISSING_ARGS' })
})

t.test('a watch of no descriptors says nothing, and can be closed twice', { skip }, async (t) => {
  const watch = kernel?.watch(() => t.fail('woken'))
  if (watch === undefined || typeof watch === 'number') throw new Error('expected a watch')
  t.same(watch.ready(), [])
  t.equal(watch.add(-1), -9)
  watch.hold(true)
  watch.hold(false)
  watch.close()
  watch.close()
  t.same(watch.ready(), [])
  t.equal(watch.add(0), -9)
})

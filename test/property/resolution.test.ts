import t from 'tap'
import { resolveProperty } from '../../src/property/resolution.js'
import { definitionOf, dword, snapshotOf, sz } from './support.js'

const action = definitionOf('HangRecoveryAction')
const consent = definitionOf('BugCheckConsent')
const fine = definitionOf('HeartbeatTimeoutMilliseconds')

t.test('the private value comes before the common one, and that before the default', async (t) => {
  const stored = snapshotOf({ HangRecoveryAction: dword(1) }, { web: { HangRecoveryAction: dword(0) }, db: {} })
  t.strictSame(resolveProperty(action, stored, 'web'), { value: dword(0), origin: 'private' })
  t.strictSame(resolveProperty(action, stored, 'db'), { value: dword(1), origin: 'common' })
  t.strictSame(resolveProperty(action, stored, 'unheard-of'), { value: dword(1), origin: 'common' })
  t.strictSame(resolveProperty(action, stored), { value: dword(1), origin: 'common' })
  t.strictSame(resolveProperty(action, snapshotOf(), 'web'), { value: dword(3), origin: 'default' })
})

t.test('the default is that of the profile; what is stored does not depend on it', async (t) => {
  t.strictSame(resolveProperty(action, snapshotOf(), undefined, 'windows2003'), { value: dword(2), origin: 'default' })
  const stored = snapshotOf({ HangRecoveryAction: dword(0) })
  t.strictSame(resolveProperty(action, stored, 'web', 'windows2003'), { value: dword(0), origin: 'common' })
})

t.test('a value where the property cannot be counts as none', async (t) => {
  const stored = snapshotOf(
    { HeartbeatTimeoutMilliseconds: dword(100) },
    { web: { BugCheckConsent: dword(1), HeartbeatTimeoutMilliseconds: dword(50) } },
  )
  t.strictSame(resolveProperty(consent, stored, 'web'), { value: dword(0), origin: 'default' })
  t.strictSame(resolveProperty(fine, stored, 'db'), { value: dword(0), origin: 'default' })
  t.strictSame(resolveProperty(fine, stored, 'web'), { value: dword(50), origin: 'private' })
})

t.test('a stored value out of bounds or of another format gives way to the next one', async (t) => {
  const stored = snapshotOf(
    { HangRecoveryAction: dword(2) },
    { web: { HangRecoveryAction: dword(7) }, db: { HangRecoveryAction: sz('1') } },
  )
  t.strictSame(resolveProperty(action, stored, 'web'), { value: dword(2), origin: 'common' })
  t.strictSame(resolveProperty(action, stored, 'db'), { value: dword(2), origin: 'common' })
})

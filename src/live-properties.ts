import { isDeepStrictEqual } from 'node:util'
import type { AppliedProperties, EffectiveProperty, OverriddenProperty } from './effective-property.js'
import { describeError, HangdogError } from './errors.js'
import type { Emit, Emitted } from './event/event.js'
import { refuseByDefinition } from './property/bounds.js'
import { emptySnapshot } from './property/change-set.js'
import type { PropertyDefinition } from './property/definition.js'
import { definitions, findDefinition, type PropertyProfile } from './property/definitions.js'
import { resolveProperty } from './property/resolution.js'
import { type AttributedChange, differenceOf } from './property/snapshot-difference.js'
import type { PropertySnapshot, PropertyStore } from './property/store.js'
import type { PropertyValue } from './property/value.js'
import { formatValue } from './property/value-text.js'
import { policyOf, propertiesOf } from './property-policy.js'
import { completePolicy, type PolicySettings, type ServiceSettings } from './service-settings.js'
import { type Clock, type Scheduled, seconds } from './time.js'
import type { RecoveryAction, ServicePolicy } from './watch/policy.js'
import { defaultPolicy } from './watch/policy.js'

export interface LivePropertiesOptions {
  readonly store: PropertyStore
  readonly emit: Emit
  readonly clock: Clock
  readonly profile: PropertyProfile
  /** HangRecoveryAction while it is set nowhere; undefined: that of the profile. */
  readonly actionWithoutStore: RecoveryAction | undefined
}

/** Between two tries to read a store that cannot be read. */
const retryAfter = seconds(5)

/** One service, as far as properties concern it. */
interface Follower {
  readonly settings: ServiceSettings
  readonly changePolicy: (policy: ServicePolicy) => void
  policy: ServicePolicy
}

/**
 * Keeps services to the stored properties: what is changed in the store takes effect at once. What a command line or a file says about
 * a service stands above its private properties, those above the common ones, and those above the defaults.
 */
export class LiveProperties {
  readonly #options: LivePropertiesOptions
  readonly #followers = new Map<string, Follower>()
  readonly #listeners: (() => void)[] = []
  #snapshot: PropertySnapshot = emptySnapshot
  #unwatch: () => void = () => {}
  #applying: Promise<void> = Promise.resolve()
  #failure: string | undefined
  #retry: Scheduled | undefined
  readonly #untold: string[] = []
  #isLogReady = false

  constructor(options: LivePropertiesOptions) {
    this.#options = options
  }

  /** Reads the store, and from then on follows it. @throws HangdogError as PropertyStore.read: nothing is watched by half a policy */
  async open(): Promise<void> {
    const { store } = this.#options
    // In this order: what is changed while it is read is noticed.
    this.#unwatch = store.watch(() => void this.#refresh())
    const read = store.read().then((snapshot) => {
      this.#snapshot = snapshot
    })
    this.#applying = read.catch(() => undefined)
    await read
  }

  close(): void {
    this.#unwatch()
    this.#retry?.cancel()
  }

  /** The store is damaged but can be used. What is found before events can be written is told afterwards. */
  damageFound(found: string): void {
    if (this.#isLogReady) this.#options.emit({ name: 'properties-damaged', parameters: { found } })
    else this.#untold.push(found)
  }

  /** From now on events are written. */
  logReady(): void {
    this.#isLogReady = true
    for (const ignored of ignoredValues(this.#snapshot)) this.#options.emit(ignored)
    for (const found of this.#untold.splice(0)) this.damageFound(found)
  }

  /** Called after each change, when it is in force. Must not throw. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** The policy of a service as of now. */
  policyFor({ name, policy }: ServiceSettings): ServicePolicy {
    const stored = policyOf((property) => this.#resolve(property, name).value)
    return completePolicy(defaultPolicy, policy, this.#withoutAction(name), stored)
  }

  /** Tells a service of each new policy. */
  follow(settings: ServiceSettings, changePolicy: (policy: ServicePolicy) => void): void {
    this.#followers.set(settings.name, { settings, changePolicy, policy: this.policyFor(settings) })
  }

  /** A property that no flag sets. */
  valueOf(property: string, service?: string): PropertyValue {
    return this.#resolve(property, service).value
  }

  /** Applies what is stored now; resolves when it is in force. Never rejects: what cannot be read is an event, and the last state stays. */
  async apply(): Promise<AppliedProperties> {
    await this.#refresh()
    return {
      generation: this.#snapshot.generation,
      overridden: [...this.#followers.values()].flatMap((follower) => this.#overridden(follower)),
      problem: this.#failure ?? null,
    }
  }

  /**
   * What a service goes by, or all of them do.
   * @throws HangdogError `usage` when there is no such service
   */
  effective(service: string | undefined): readonly EffectiveProperty[] {
    if (service === undefined) return [...this.#followers.keys()].flatMap((name) => this.#effective(name))
    if (this.#followers.has(service)) return this.#effective(service)
    const names = [...this.#followers.keys()].join(', ')
    throw new HangdogError('usage', `cannot find service "${service}": expected one of ${names}`)
  }

  /** What a service goes by that is not a default, and always its limit and its action. */
  explanationOf(service: string): readonly EffectiveProperty[] {
    if (!this.#followers.has(service)) return []
    const always = new Set(['ClusSvcHeartbeatTimeout', 'HangRecoveryAction'])
    return this.#effective(service)
      .filter(({ name, origin }) => origin !== 'default' || always.has(name))
      .filter(({ name, value }) => name !== 'HeartbeatTimeoutMilliseconds' || value !== '0')
  }

  #effective(service: string): readonly EffectiveProperty[] {
    const settings = this.#followers.get(service)?.settings
    if (settings === undefined) return []
    const flags = propertiesOf(settings.policy)
    const unset = propertiesOf(this.#withoutAction(service))
    return definitions
      .filter(({ usedBy }) => usedBy !== 'cluster')
      .map(({ name }) => {
        const flag = flags.get(name)
        const described = (value: PropertyValue) => ({ service, name, value: formatValue(value), format: value.format })
        if (flag !== undefined) return { ...described(flag), origin: 'flag', by: sourceOf(settings) }
        const { value, origin } = this.#resolve(name, service)
        const instead = origin === 'default' ? unset.get(name) : undefined
        return { ...described(instead ?? value), origin, by: origins[origin] }
      })
  }

  /** What the command has in place of a default. */
  #withoutAction(service: string): PolicySettings {
    const { actionWithoutStore: action } = this.#options
    const isSet = this.#resolve('HangRecoveryAction', service).origin !== 'default'
    return isSet || action === undefined ? {} : { action }
  }

  #overridden({ settings }: Follower): readonly OverriddenProperty[] {
    const { name: service, policy } = settings
    const flags = new Set(propertiesOf(policy).keys())
    if (policy.heartbeatTimeout !== undefined) flags.add('ClusSvcHeartbeatTimeout')
    const overridden = [...flags].map((name) => ({ service, name, by: sourceOf(settings) }))
    const inMilliseconds = this.#resolve('HeartbeatTimeoutMilliseconds', service).value.value !== 0
    if (flags.has('ClusSvcHeartbeatTimeout') || !inMilliseconds) return overridden
    const by = 'its private HeartbeatTimeoutMilliseconds'
    return [...overridden, { service, name: 'ClusSvcHeartbeatTimeout', by }]
  }

  #resolve(property: string, service: string | undefined) {
    return resolveProperty(known(property), this.#snapshot, service, this.#options.profile)
  }

  /** One at a time, so that each change is told once. */
  #refresh(): Promise<void> {
    this.#applying = this.#applying.then(() => this.#readAgain())
    return this.#applying
  }

  async #readAgain(): Promise<void> {
    const { store, emit } = this.#options
    const before = this.#snapshot
    try {
      this.#snapshot = await store.read()
      this.#failure = undefined
    } catch (error) {
      const reason = describeError(error)
      if (reason !== this.#failure) emit({ name: 'properties-unreadable', parameters: { reason } })
      this.#failure = reason
      this.#retry?.cancel()
      this.#retry = this.#options.clock.schedule(retryAfter, () => void this.#refresh())
      return
    }
    const changes = differenceOf(before, this.#snapshot)
    for (const change of changes) {
      emit(describeChange(change))
      const { service, name, to } = change.change
      const ignored = to === undefined ? undefined : describeIgnored(name, to, service)
      if (ignored !== undefined) emit(ignored)
    }
    if (changes.length === 0) return
    for (const follower of this.#followers.values()) this.#bring(follower)
    for (const listener of this.#listeners) listener()
  }

  #bring(follower: Follower): void {
    const policy = this.policyFor(follower.settings)
    if (isDeepStrictEqual(policy, follower.policy)) return
    follower.policy = policy
    follower.changePolicy(policy)
  }
}

const origins = {
  private: 'private property',
  common: 'common property',
  default: 'default',
  flag: 'command line',
} as const

function known(name: string): PropertyDefinition {
  const definition = findDefinition(name)
  if (definition === undefined) throw new HangdogError('internal', `internal error: there is no property ${name}`)
  return definition
}

function sourceOf({ source }: ServiceSettings): string {
  return source ?? origins.flag
}

/** What is stored and cannot be used: only something that is not this hangdog can have put it there. */
function ignoredValues({ common, services }: PropertySnapshot): readonly Emitted[] {
  const stored = [[undefined, common] as const, ...services]
  return stored.flatMap(([service, values]) =>
    [...values].flatMap(([name, value]) => describeIgnored(name, value, service) ?? []),
  )
}

function describeIgnored(name: string, value: PropertyValue, service: string | undefined): Emitted | undefined {
  const definition = findDefinition(name)
  const reason = definition === undefined ? undefined : refuseByDefinition(definition, value)
  if (reason === undefined) return undefined
  const parameters = { property: name, reason: `expected ${reason}, not ${formatValue(value)}` }
  return { name: 'properties-ignored', ...(service !== undefined && { service }), parameters }
}

function describeChange({ change, by }: AttributedChange): Emitted {
  const { service, name, from, to } = change
  return {
    name: 'property-changed',
    ...(service !== undefined && { service }),
    parameters: {
      property: name,
      scope: service === undefined ? 'common' : 'private',
      from: from === undefined ? 'its default' : formatValue(from),
      to: to === undefined ? 'its default' : formatValue(to),
      by: by === undefined ? 'unknown' : `${by.uid === undefined ? '' : `user ${by.uid}, `}pid ${by.pid}`,
    },
  }
}

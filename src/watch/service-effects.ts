import { unreachable } from '../errors.js'
import type { ChannelSet } from './channel-set.js'
import type { HangDesk } from './hang-desk.js'
import type { Lifecycle } from './lifecycle.js'
import { isShadow } from './policy.js'
import type { LadderResult } from './recovery.js'
import type { ServiceContext } from './service-context.js'
import type { Effect } from './service-state.js'
import { quietReadingShare, warningShare } from './sign-desk.js'
import type { Silence } from './silence.js'

/** What the effects of a step are done with. */
export interface EffectParts extends ServiceContext {
  readonly channels: ChannelSet
  readonly silence: Silence
  readonly hangs: HangDesk
  readonly lifecycle: Lifecycle
}

/** Has done what the state machine asks for; what takes time is not waited for, and reports back as an event of the machine. */
export function perform(effect: Effect, parts: EffectParts): void {
  const { channels, silence, hangs, lifecycle, policy, state } = parts
  switch (effect) {
    case 'arm-start':
      channels.main.arm(policy.startTimeout, quietReadingShare)
      break
    case 'arm-channels':
      channels.disarm()
      channels.arm(policy.heartbeatTimeout, warningShare(policy))
      break
    case 'arm-others':
      channels.arm(policy.heartbeatTimeout, warningShare(policy), 'channel' in state ? state.channel : undefined)
      break
    case 'arm-stalled':
      channels.armStalled(policy.heartbeatTimeout, warningShare(policy))
      break
    case 'arm-stop':
      channels.main.arm(policy.stopTimeout, quietReadingShare)
      break
    case 'end-overdue':
      endOverdue(parts)
      break
    case 'disarm':
      channels.disarm()
      break
    case 'judge':
      void silence.judge(state)
      break
    case 'watch-hold':
      silence.watchHold(state)
      break
    case 'report':
      void hangs.report(state)
      break
    case 'recover':
      void recover(parts, parts.hangs.recover(parts.state))
      break
    case 'follow':
      void recover(parts, parts.hangs.follow(parts.state))
      break
    case 'sweep':
      void lifecycle.sweep()
      break
    case 'watch-stuck':
      void lifecycle.watchStuck()
      break
    case 'close-incident':
      hangs.close('recovered-by-itself')
      break
    default:
      unreachable(effect)
  }
}

/** The service announced its end and does not come to it. */
function endOverdue({ lifecycle, policy, parts, spec }: EffectParts): void {
  if (!isShadow(policy, parts.platform)) {
    void lifecycle.endOverdue()
    return
  }
  const action = 'end the service, which announced its end and is still there after StopTimeout'
  parts.emit({ name: 'dry-run', service: spec.name, parameters: { action } })
}

async function recover(parts: EffectParts, climbing: Promise<LadderResult | undefined>): Promise<void> {
  const { hangs, lifecycle, silence } = parts
  lifecycle.endsHung()
  const result = await climbing
  if (result?.kind === 'gone') lifecycle.gone()
  if (result?.kind === 'abandoned') {
    lifecycle.goesOn()
    silence.over()
    parts.dispatch({ kind: 'recoveryAbandoned' })
    if (lifecycle.hasExited) parts.dispatch({ kind: 'processExited' })
    else lifecycle.resumeStop()
  }
  if (result?.kind === 'not-gone') {
    hangs.close('not-terminated')
    parts.dispatch({ kind: 'terminationFailed' })
  }
}

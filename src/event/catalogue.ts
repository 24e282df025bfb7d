/**
 * Every event hangdog can write: its number, level and message. Numbers of MSCS and the SCM keep their meaning; our own start
 * at 15800 (0x9E = 158). A number is never reused; the documentation's table is made from this file.
 */

export type EventLevel = 'information' | 'warning' | 'error' | 'critical'

interface Definition {
  readonly id: number
  readonly level: EventLevel
  /** `{name}` stands for the parameter of that name; an event carries all the parameters its message names. */
  readonly message: string
}

function define<const T extends Readonly<Record<string, Definition>>>(definitions: T): T {
  return definitions
}

export const catalogue = define({
  // MSCS and the Service Control Manager.
  'hang-logged': {
    id: 4869,
    level: 'error',
    message: 'No heartbeat from {image} (pid {pid}) for {seconds} s: it is hung ({cause}). Only reported, as {why}.',
  },
  'hang-recovery': {
    id: 4870,
    level: 'error',
    message: 'No heartbeat from {image} (pid {pid}) for {seconds} s: it is hung ({cause}). Recovery: {action}.',
  },
  'start-hung': {
    id: 7022,
    level: 'error',
    message: 'The service gave no sign of life within {seconds} s of its start.',
  },
  'start-failed': { id: 7000, level: 'error', message: 'The service could not be started: {error}' },
  'ended-unexpectedly': {
    id: 7031,
    level: 'error',
    message:
      'The service ended unexpectedly ({outcome}), failure {count} of this period. It is restarted in {delayMs} ms.',
  },
  'ended-unattended': {
    id: 7034,
    level: 'error',
    message:
      'The service ended unexpectedly ({outcome}), failure {count} of this period. It is not restarted: {reason}.',
  },
  'crash-loop': {
    id: 1254,
    level: 'critical',
    message: 'The service used up its {limit} restarts within {period}; it is left failed until it is started by hand.',
  },

  // The life of a service.
  'service-started': { id: 15800, level: 'information', message: 'Started as pid {pid}: {command}' },
  'service-adopted': {
    id: 15905,
    level: 'information',
    message: 'Still runs as pid {pid}, started by an earlier hangdog, and is watched on: {command}',
  },
  'service-left-alone': {
    id: 15906,
    level: 'warning',
    message: 'Process {pid} still runs, started by an earlier hangdog, and is watched no longer: {reason}',
  },
  'ended-unowned': {
    id: 15907,
    level: 'error',
    message:
      'The service ended while no hangdog ran: {reason} (pid {pid}). What it left behind is ended, and it is started again.',
  },
  'guard-lost': {
    id: 15908,
    level: 'error',
    message: 'The guard process {pid} is gone or does not answer. No service was touched. {consequence}',
  },
  'service-armed': {
    id: 15801,
    level: 'information',
    message: 'First sign of life after {afterMs} ms; the countdown of {limit} runs.',
  },
  'service-ended': { id: 15802, level: 'information', message: 'The service ended: {outcome}' },
  'service-stopping': { id: 15803, level: 'information', message: 'The service is being stopped: {reason}' },
  'service-unwatched': {
    id: 15804,
    level: 'warning',
    message: 'The service runs but is not watched: {reason}',
  },
  'service-restarted': {
    id: 15805,
    level: 'information',
    message: 'The service runs again as pid {pid}, {afterMs} ms after its predecessor ended.',
  },
  'service-handed-over': {
    id: 15807,
    level: 'information',
    message: 'The service goes on as pid {pid}, to which pid {before} has handed over (MAINPID).',
  },
  'hand-over-refused': {
    id: 15808,
    level: 'warning',
    message: 'The service says that pid {pid} is its own now (MAINPID), which is refused: {reason}',
  },
  'service-status': { id: 15806, level: 'information', message: 'The service says: {text}' },

  // Silence, verdicts and holds.
  'silence-warning': {
    id: 15810,
    level: 'warning',
    message: 'No heartbeat on {channel} for {silentMs} ms, {percent} % of the limit of {limit}; process: {reading}.',
  },
  'silence-ended': {
    id: 15811,
    level: 'information',
    message: 'The heartbeat on {channel} is back after {silentMs} ms.',
  },
  'hold-started': {
    id: 15812,
    level: 'warning',
    message: 'Silent for {silentMs} ms but held, not acted on: {reason}. At most until {limit} from now.',
  },
  'hold-ended': { id: 15813, level: 'information', message: 'The hold ({reason}) ended after {heldMs} ms: {outcome}' },
  'near-miss': {
    id: 15817,
    level: 'warning',
    message:
      'Near miss: no heartbeat on {channel} for {silentMs} ms, {percent} % of its limit of {limit}, then it was back; at the warning: {seen}. Near misses since the last one told: {count}.',
  },
  'hang-triggered': {
    id: 15814,
    level: 'error',
    message: 'The service itself asked to be treated as hung (WATCHDOG=trigger).',
  },
  'hang-over': {
    id: 15815,
    level: 'information',
    message: 'The reported hang is over: the heartbeat on {channel} is back after {silentMs} ms.',
  },
  'supervisor-stalled': {
    id: 15816,
    level: 'warning',
    message:
      'hangdog itself did not run for {stalledMs} ms ({reason}); that time counts for no service. Countdowns restarted: {services}.',
  },

  // Recovery.
  'terminate-requested': {
    id: 15820,
    level: 'warning',
    message: 'Sent {signal} to the service (pid {pid}); {limit} to end.',
  },
  'kill-requested': {
    id: 15821,
    level: 'warning',
    message: 'Sent SIGKILL to the service (pid {pid}) and its descendants.',
  },
  'terminate-proven': {
    id: 15822,
    level: 'warning',
    message: 'The service and its descendants are gone, {afterMs} ms after the countdown ended.',
  },
  'terminate-failed': {
    id: 15823,
    level: 'critical',
    message:
      'The service could not be terminated; still there after SIGKILL: {survivors}. No second copy is started beside it.',
  },
  'bugcheck-requested': {
    id: 15824,
    level: 'critical',
    message: 'BugCheck 9E (pid {pid}, {seconds} s): stopping this machine by {method}.',
  },
  'bugcheck-refused': {
    id: 15825,
    level: 'error',
    message: 'The machine is not stopped: {reason}. HangRecoveryAction 3 does the work of 2 instead.',
  },
  'bugcheck-failed': { id: 15826, level: 'critical', message: 'The machine could not be stopped by {method}: {error}' },
  'dry-run': { id: 15827, level: 'warning', message: 'Only decided, not done: would now {action}.' },
  'evidence-late': {
    id: 15828,
    level: 'warning',
    message: 'Evidence was cut off at its limit of {limit}; missing: {missing}',
  },
  'incident-unwritten': {
    id: 15829,
    level: 'error',
    message: 'The incident could not be written before acting: {error}',
  },
  'incident-interrupted': {
    id: 15830,
    level: 'warning',
    message: 'Incident {incident} was never closed: hangdog or the machine stopped during its recovery.',
  },
  'incident-closed': { id: 15831, level: 'information', message: 'Incident {incident} is closed: {outcome}' },

  'incident-joined': {
    id: 15833,
    level: 'warning',
    message: 'What ended the work on incident {incident} ({end}): {summary}',
  },
  'run-cut-off': {
    id: 15834,
    level: 'warning',
    message: 'hangdog {instance} (pid {pid}) did not stop in order, and had no open incident ({end}): {summary}',
  },
  'aftermath-unwritten': {
    id: 15835,
    level: 'warning',
    message: 'What became of earlier hangdogs cannot be told: {error}',
  },
  'hang-explained': { id: 15832, level: 'warning', message: 'Why it hangs: {cause}' },

  // Heartbeat sources.
  'beat-refused': {
    id: 15840,
    level: 'warning',
    message: 'Refused on the heartbeat socket: {reason} ({count} times since the last report).',
  },
  'probe-failed': {
    id: 15841,
    level: 'warning',
    message: 'The probe {probe} failed: {reason} ({count} times since the last report).',
  },
  'source-lost': { id: 15842, level: 'warning', message: 'The heartbeat source is not working: {reason}' },

  // Maintenance. {until} is a wall time, ISO 8601 in UTC.
  'property-changed': {
    id: 15860,
    level: 'information',
    message: 'The {scope} property {property} was changed from {from} to {to} (by {by}).',
  },
  'limit-deferred': {
    id: 15863,
    level: 'warning',
    message:
      'The new limit of {asked} is shorter than the service is known to bear: it was told a longer one. It is held to {limit} until it beats faster, or is started again.',
  },
  'properties-ignored': {
    id: 15864,
    level: 'warning',
    message: 'The stored value of {property} is not one that it takes, and counts as not set: {reason}',
  },
  'properties-unreadable': {
    id: 15861,
    level: 'error',
    message: 'The stored properties cannot be read; the last ones stay in force: {reason}',
  },
  'properties-damaged': { id: 15862, level: 'error', message: 'The stored properties are damaged: {found}' },
  'maintenance-started': {
    id: 15870,
    level: 'information',
    message: 'In maintenance until {until}: silence is not judged. Reason: {reason} (by {by}).',
  },
  'maintenance-changed': {
    id: 15871,
    level: 'information',
    message: 'Still in maintenance, now until {until}. Reason: {reason} (by {by}).',
  },
  'maintenance-ended': {
    id: 15872,
    level: 'warning',
    message: 'The maintenance ended by itself at {until}: silence is judged again. Its reason was: {reason} (by {by}).',
  },
  'maintenance-stopped': {
    id: 15873,
    level: 'information',
    message:
      'The maintenance was stopped before its end at {until}: silence is judged again. Its reason was: {reason} (by {by}).',
  },
  'maintenance-trouble': { id: 15874, level: 'warning', message: 'Maintenance does not work as it should: {problem}' },

  // Fire drills. What happens to the canary of one has events of its own, under the canary's name.
  'drill-started': {
    id: 15880,
    level: 'information',
    message:
      'A fire drill of {service} begins: its canary {canary} is going to hang ({how}) with a limit of {limit}. Its events and its incident are the drill.',
  },
  'drill-passed': {
    id: 15881,
    level: 'information',
    message:
      'The fire drill of {service} passed: {canary} was ended {overshootMs} ms after its limit of {limit} and runs again. By its own countdown hangdog says {reportedMs} ms; the verdict came after {detectionMs} ms. Since the last heartbeat: {steps}.',
  },
  'drill-failed': {
    id: 15882,
    level: 'error',
    message: 'The fire drill of {service} failed at the step "{step}": {detail} (canary {canary}, limit {limit}).',
  },
  'drill-skipped': {
    id: 15883,
    level: 'warning',
    message: 'A fire drill was not held, or not to its end: {reason}',
  },

  // The kernel module.
  'kernel-acted': {
    id: 15910,
    level: 'critical',
    message: 'The kernel module acted in our place after {silence} of silence (errno {error}).',
  },
  'kernel-watch-failed': {
    id: 15911,
    level: 'error',
    message: 'The kernel module does not watch as it was asked to: {error}',
  },
  'own-watch-armed': {
    id: 15912,
    level: 'information',
    message:
      'The kernel module watches hangdog itself: when that comes to no decision for {limit}, the kernel {action}. It hears from hangdog each {interval}.',
  },
  'own-watch-failed': {
    id: 15913,
    level: 'error',
    message: 'The kernel module does not watch hangdog itself as it was asked to: {error}',
  },
  'own-watch-expired': {
    id: 15914,
    level: 'critical',
    message:
      'hangdog itself came to no decision for {silence}: the kernel module has acted, and hangdog goes on (errno {error}).',
  },

  // The guard, alone.
  'guard-acted': {
    id: 15900,
    level: 'error',
    message:
      'hangdog did not answer, so that the guard acted alone on the hang of pid {pid} at {at}: {outcome}. Steps: {steps}.',
  },
  'guard-held': {
    id: 15901,
    level: 'warning',
    message: 'While hangdog did not answer, the guard did not act on a silence: the process was {reason}.',
  },
  'guard-record-kept': {
    id: 15902,
    level: 'warning',
    message: 'What the guard did alone before hangdog ended was kept as incident {incident}: {outcome}',
  },
  'guard-unrecorded': {
    id: 15903,
    level: 'warning',
    message: 'What the guard does alone is not recorded: {error}',
  },

  // hangdog itself.
  'supervisor-started': {
    id: 15850,
    level: 'information',
    message: 'hangdog {version} watches as pid {pid}; adapter {platform}. Weaker here: {weaker}',
  },
  'supervisor-stopped': { id: 15851, level: 'information', message: 'hangdog stopped: {reason}' },
  'history-torn': {
    id: 15852,
    level: 'warning',
    message: 'The event history {file} has {lines} damaged lines; they were skipped.',
  },
  'sink-failed': {
    id: 15853,
    level: 'warning',
    message: 'Events cannot be written to {sink}: {error} ({count} lost).',
  },
  'output-dropped': {
    id: 15854,
    level: 'warning',
    message: "{bytes} bytes of the service's output were not passed on, because nobody reads them.",
  },
  'history-pruned': {
    id: 15855,
    level: 'information',
    message: 'Removed by age: {events} history files, {incidents} incidents.',
  },
  'sink-recovered': {
    id: 15856,
    level: 'warning',
    message: 'Events are written to {sink} again; {count} were lost.',
  },
  'control-failed': {
    id: 15857,
    level: 'warning',
    message: 'The control socket cannot take connections: {error}',
  },
  'gaps-damaged': {
    id: 15858,
    level: 'warning',
    message:
      'The beat gaps kept in {file} cannot be used: {reason}. The file was set aside as {aside}; counting starts anew.',
  },
  'gaps-unwritten': {
    id: 15859,
    level: 'warning',
    message: 'The beat gaps of {services} services could not be written: {error}',
  },

  // Who watches hangdog itself.
  'machine-watchdog-armed': {
    id: 15890,
    level: 'information',
    message:
      'The watchdog {device} ({identity}) resets this machine when hangdog comes to no decision for {timeout}. It is fed each {interval}; {notes}.',
  },
  'machine-watchdog-stopped': {
    id: 15891,
    level: 'information',
    message: 'The watchdog {device} was stopped, because hangdog ends in order.',
  },
  'machine-watchdog-left': {
    id: 15892,
    level: 'warning',
    message:
      'The watchdog {device} goes on: {reason}. It resets this machine in {timeout}, unless a successor of this hangdog feeds it.',
  },
  'machine-watchdog-failed': {
    id: 15893,
    level: 'error',
    message: 'The watchdog {device} could not be {doing}: {error}',
  },
  'decision-overdue': {
    id: 15894,
    level: 'error',
    message:
      'The {kind} of this service was not done within {budget}: hangdog hangs itself. It feeds no watchdog and answers no service manager until it is done.',
  },
  'decision-done-late': {
    id: 15895,
    level: 'warning',
    message: 'The {kind} of this service, which was overdue, is done: hangdog is watched as before.',
  },
  'machine-reset-found': {
    id: 15896,
    level: 'warning',
    message: 'Before this boot the machine did not go down in order: {finding}',
  },
  'service-manager-unanswered': {
    id: 15897,
    level: 'warning',
    message: 'The service manager that started hangdog hears nothing from it, and does not watch it: {reason}',
  },
  'service-manager-unreached': {
    id: 15898,
    level: 'warning',
    message: 'The service manager that started hangdog could not be told how it is: {error}',
  },
})

export type EventName = keyof typeof catalogue

type NamesIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never

/** The parameters of an event, by name, as its message names them. */
export type EventParameters<Name extends EventName> = {
  readonly [Key in NamesIn<(typeof catalogue)[Name]['message']>]: string | number
}

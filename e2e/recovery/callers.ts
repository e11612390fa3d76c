import { setTimeout as sleep } from 'node:timers/promises'
import { post } from '../player/cluster-api.ts'
import type { Service } from '../player/service.ts'
import { pathOf, type Stage, updateRequest } from '../player/stage.ts'
import { type SyncResult, syncOf } from '../player/sync.ts'
import type { Role } from '../witness/role.ts'

/** Calls the service for one machine repeatedly, as Cluster API does: each replica in turn. */
export interface Callers {
  /** The newest response; undefined before the first one. */
  readonly last: SyncResult | undefined
  /** The messages of the error codes in responses since the last call of `forget`. */
  readonly codes: ReadonlyMap<string, string>
  forget(): void
  /** Makes no calls while `act` runs, so that a failed upgrade is not retried. */
  pausedWhile<T>(act: () => Promise<T>): Promise<T>
  /** Kills the first replica that `isMeant` selects, or else the first one. Returns which one it killed. */
  killOne(isMeant: (service: Service) => Promise<boolean>): Promise<string>
  /** Starts a replica in place of the killed one. */
  startAgain(): Promise<void>
  /** Stops the calls and the second replica. */
  stop(): Promise<void>
}

/** A file of the machine's KubeadmConfig. */
export interface DesiredFile {
  path: string
  content: string
}

/** What the service is called for. */
export interface CallTarget {
  stage: Stage
  role: Role
  machine: string
  /** With a file, UpdateMachine is called instead of start and sync, which take no files. */
  file: DesiredFile | undefined
  /** As spec.settings of an ExtensionConfig. */
  settings: Record<string, string>
}

const everyMs = 300

/** Starts to call the stage's service and, if given, a second replica. */
export function call(target: CallTarget, replica: Service | undefined): Callers {
  const { stage } = target
  let last: SyncResult | undefined
  let second = replica
  // A killed replica is not called.
  let dead: 'first' | 'second' | undefined
  let isOver = false
  let isPaused = false
  let calling: Promise<void> | undefined
  const codes = new Map<string, string>()
  const note = (synced: SyncResult) => {
    last = synced
    const named = [...synced.message.matchAll(/\(([A-Z]+(?:_[A-Z]+)+)\)/g)].map(([, code]) => code)
    for (const code of [synced.code, ...named]) if (code) codes.set(code, synced.message)
  }
  const services = () =>
    [dead === 'first' ? undefined : stage.service, dead === 'second' ? undefined : second].filter(
      (service) => service !== undefined,
    )
  const callNext = async (turn: number) => {
    const alive = services()
    const service = alive[turn % alive.length]
    if (!service) return
    // A replica that was just killed does not respond.
    const synced = await callOnce(target, service).catch(() => undefined)
    if (synced) note(synced)
  }
  const loop = async () => {
    for (let turn = 0; !isOver; turn++) {
      calling = isPaused ? undefined : callNext(turn)
      await calling
      await sleep(everyMs)
    }
  }
  const looping = loop()
  return {
    get last() {
      return last
    },
    codes,
    forget: () => codes.clear(),
    async pausedWhile(act) {
      isPaused = true
      await calling
      return act().finally(() => {
        isPaused = false
      })
    },
    async killOne(isMeant) {
      const isSecond = second !== undefined && !(await isMeant(stage.service)) && (await isMeant(second))
      dead = isSecond ? 'second' : 'first'
      if (isSecond) await second?.stop('SIGKILL')
      else await stage.service.stop('SIGKILL')
      return `the ${dead} of two replicas`
    },
    async startAgain() {
      const service = await stage.replica()
      if (dead === 'second') second = service
      else stage.service = service
      dead = undefined
    },
    async stop() {
      isOver = true
      await looping
      await second?.stop()
      second = undefined
    },
  }
}

async function callOnce({ stage, role, machine, file, settings }: CallTarget, service: Service): Promise<SyncResult> {
  if (!file) return syncOf({ ...stage, service }, role, { providerID: `docker:////${machine}`, settings })
  const lab = { ...stage.lab, [role === 'worker' ? 'worker' : 'controlPlane']: machine }
  const request = updateRequest({ ...stage, lab }, role, settings)
  const { spec } = request.desired.bootstrapConfig as { spec: Record<string, unknown> }
  spec.files = [{ ...file, owner: 'root:root', permissions: '0644' }]
  try {
    const { message, retryAfterSeconds } = await post(service, pathOf(stage, 'UpdateMachine'), request)
    return { phase: Number(retryAfterSeconds) > 0 ? 'InProgress' : 'Done', step: '', message: String(message) }
  } catch (thrown) {
    return { phase: 'Failed', step: '', message: (thrown as Error).message }
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { post } from '../player/cluster-api.ts'
import type { Service } from '../player/service.ts'
import { pathOf, type Stage, updateRequest } from '../player/stage.ts'
import { type Synced, syncOf } from '../player/sync.ts'
import type { Role } from '../witness/role.ts'

/** Calls the service for one machine again and again, as Cluster API does: every replica in its turn. */
export interface Callers {
  /** The newest answer; undefined while there was none. */
  readonly last: Synced | undefined
  /** The errors that answers named since the last call of `forget`: code to message. */
  readonly codes: ReadonlyMap<string, string>
  forget(): void
  /** Calls nothing for as long as this takes, so that a failed upgrade is not tried again. */
  quietly<T>(act: () => Promise<T>): Promise<T>
  /** Kills the first replica for which this holds, or else the first. Gives which it was. */
  killOne(isMeant: (service: Service) => Promise<boolean>): Promise<string>
  bringBack(): Promise<void>
  /** Stops calling, and ends the second replica. */
  stop(): Promise<void>
}

/** A file that the machine is to have. */
export interface WantedFile {
  path: string
  content: string
}

/** What is called for. */
export interface Wish {
  stage: Stage
  role: Role
  machine: string
  /** With a file the hook UpdateMachine is called: start and sync take none. */
  file: WantedFile | undefined
  /** As spec.settings of an ExtensionConfig. */
  settings: Record<string, string>
}

const everyMs = 300

/** Begins to call the stage's service and, where there is one, a second replica, which is stopped at the end. */
export function call(wish: Wish, replica: Service | undefined): Callers {
  const { stage } = wish
  let last: Synced | undefined
  let second = replica
  // The replica that is dead for the moment is not called.
  let dead: 'first' | 'second' | undefined
  let isOver = false
  let isQuiet = false
  let calling: Promise<void> | undefined
  const codes = new Map<string, string>()
  const note = (synced: Synced) => {
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
    // One that has just been killed gives no answer.
    const synced = await callOnce(wish, service).catch(() => undefined)
    if (synced) note(synced)
  }
  const loop = async () => {
    for (let turn = 0; !isOver; turn++) {
      calling = isQuiet ? undefined : callNext(turn)
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
    async quietly(act) {
      isQuiet = true
      await calling
      return act().finally(() => {
        isQuiet = false
      })
    },
    async killOne(isMeant) {
      const isSecond = second !== undefined && !(await isMeant(stage.service)) && (await isMeant(second))
      dead = isSecond ? 'second' : 'first'
      if (isSecond) await second?.stop('SIGKILL')
      else await stage.service.stop('SIGKILL')
      return `the ${dead} of two replicas`
    },
    async bringBack() {
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

async function callOnce({ stage, role, machine, file, settings }: Wish, service: Service): Promise<Synced> {
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

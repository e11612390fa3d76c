import { interruptible } from '../../host/interruption.ts'
import { attempt, run } from '../../host/subprocess.ts'
import { removeContainers } from '../engine/containers.ts'
import { labels } from '../engine/labels.ts'
import { type Assumption, assumptions } from './assumptions.ts'

/** Checks each assumption on a machine image and prints a table. Resolves to true when all hold. */
export function checkImage(image: string): Promise<boolean> {
  return interruptible(async () => {
    const machine = `capd-kubeadm-upgrader-check-${process.pid}`
    const plain = `${machine}-plain`
    try {
      await run`docker run --name ${machine} --hostname ${machine} ${labels} ${machineFlags} ${image}`
      const asleep = ['--network', 'none', '--entrypoint', 'sleep', image, 'infinity']
      await run`docker run --detach --name ${plain} ${labels} ${asleep}`
      let allHold = true
      for (const assumption of assumptions) {
        const container = assumption.plain ? plain : machine
        const failure = await failureOf(container, assumption)
        row(assumption, failure)
        allHold &&= failure === undefined
      }
      return allHold
    } finally {
      await removeContainers([machine, plain])
    }
  })
}

// The flags of a machine of Cluster API v1.14.2 (test/infrastructure/container/docker.go, RunContainer;
// .../docker/manager.go, createNode). kind has the same.
const machineFlags = [
  ...['--detach', '--tty', '--privileged', '--init=false', '--cgroupns=private'],
  ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
  ...['--tmpfs', '/tmp', '--tmpfs', '/run', '--volume', '/var', '--volume', '/lib/modules:/lib/modules:ro'],
]

// Resolves to undefined when it holds, else to the last line of its output.
async function failureOf(container: string, { check }: Assumption): Promise<string | undefined> {
  const script = `if (${check}\n) >/tmp/output 2>&1; then echo holds; else tail -n 1 /tmp/output; fi`
  const output = await attempt({ timeoutSeconds: 60 })`docker exec ${container} sh -c ${script}`
  return output === 'holds' ? undefined : output || 'no output'
}

function row({ name, why }: Assumption, failure: string | undefined): void {
  console.log(`${failure === undefined ? 'ok  ' : 'FAIL'}  ${name.padEnd(64)} ${why}`)
  if (failure !== undefined) console.log(`      ${failure}`)
}

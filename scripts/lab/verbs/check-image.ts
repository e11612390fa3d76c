import { interruptible } from '../../host/run.ts'
import { docker, labelled, removeContainers, tryDocker } from '../engine/docker.ts'
import { type Assumption, assumptions } from './assumptions.ts'

// Tries each assumption on a machine image, prints a table, and tells whether all hold.
export function checkImage(image: string): Promise<boolean> {
  return interruptible(async () => {
    const machine = `capd-kubeadm-upgrader-check-${process.pid}`
    const plain = `${machine}-plain`
    try {
      await docker(`run --name ${machine} --hostname ${machine} ${labelled} ${likeMachine} ${image}`)
      await docker(`run --detach --name ${plain} ${labelled} --network none --entrypoint sleep ${image} infinity`)
      let allHold = true
      for (const assumption of assumptions) {
        const container = assumption.plain ? plain : machine
        const broken = await tried(container, assumption)
        row(assumption, broken)
        allHold &&= broken === undefined
      }
      return allHold
    } finally {
      await removeContainers([machine, plain])
    }
  })
}

// As Cluster API v1.14.2 starts it (test/infrastructure/container/docker.go, RunContainer; .../docker/manager.go,
// createNode), which is also what kind does.
const likeMachine = [
  '--detach --tty --privileged --security-opt seccomp=unconfined --security-opt apparmor=unconfined',
  '--init=false --cgroupns=private --tmpfs /tmp --tmpfs /run --volume /var',
  '--volume /lib/modules:/lib/modules:ro',
].join(' ')

// undefined when it holds, else its last words.
async function tried(container: string, { check }: Assumption): Promise<string | undefined> {
  const script = `if (${check}\n) >/tmp/said 2>&1; then echo holds; else tail -n 1 /tmp/said; fi`
  const said = await tryDocker(`exec ${container} sh -c`, [script], { seconds: 60 })
  return said === 'holds' ? undefined : said || 'no answer'
}

function row({ name, why }: Assumption, broken: string | undefined) {
  console.log(`${broken === undefined ? 'ok' : 'NO'}  ${name.padEnd(64)} ${why}`)
  if (broken !== undefined) console.log(`      ${broken}`)
}

import { ActionFailed, commandLine, exitCodeOf } from './host/command-line.ts'
import { registryUp } from './lab/cluster/registry.ts'
import { checkImage } from './lab/verbs/check-image.ts'
import { labDown, labDownAll } from './lab/verbs/down.ts'
import { labUp } from './lab/verbs/lab.ts'
import { managementUp } from './lab/verbs/management.ts'
import { labStatus } from './lab/verbs/status.ts'

const lab = commandLine('npm run lab --')
  .usage('<verb> [options]')
  .addHelpText(
    'after',
    `
Everything is kept in $XDG_CACHE_HOME/capd-kubeadm-upgrader (by default below ~/.cache).
UPGRADER_LAB_CLUSTER=<name> selects a second lab next to the first, which is named upgrader-lab.
UPGRADER_LAB_IMAGES=older builds node images with containerd 1.7, not as kind v0.33 releases them.`,
  )

lab
  .command('up')
  .description('create what is missing of engine, images and cluster')
  .option('--fresh', 'with new machines')
  .action(async (options: { fresh?: boolean }) => {
    const { from, controlPlane, worker, kubeconfig } = await labUp(options)
    console.log(`Machines ${controlPlane} and ${worker}, created with ${from}`)
    console.log(`export KUBECONFIG=${kubeconfig}`)
  })

lab
  .command('management')
  .description('the same for a cluster with Cluster API, which creates machines of its own')
  .option('--fresh', 'with a new management cluster, which has no machines yet')
  .action(async (options: { fresh?: boolean }) => {
    const { controlPlane, network, kubeconfig, kubectl } = await managementUp(options)
    console.log(`Machine ${controlPlane} with Cluster API, which creates its machines on the Docker network ${network}`)
    console.log(`export KUBECONFIG=${kubeconfig}`)
    console.log(`alias kubectl=${kubectl}`)
  })

lab
  .command('status')
  .description('print what exists; exit code 1 when no machines run')
  .action(async () => {
    if (!(await labStatus())) throw new ActionFailed()
  })

lab
  .command('down')
  .description('remove the clusters and all their machines; images and caches stay')
  .option('--all', "remove every lab, the lab's images, the cache, and the Docker engine if the lab started it")
  .action(({ all }: { all?: boolean }) => (all ? labDownAll() : labDown()))

lab
  .command('registry')
  .description("create a registry on the machines' network that has the images of the new version")
  .action(async () => console.log(`${await registryUp()} has the images of registry.k8s.io.`))

lab
  .command('check-image')
  .description('check a machine image for everything that an upgrade assumes of it')
  .argument('<ref>', 'the name of the image')
  .action(async (image: string) => {
    if (!(await checkImage(image))) throw new ActionFailed()
  })

process.exitCode = await exitCodeOf(lab, process.argv.slice(2))

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { parse } from 'yaml'
import { commandLine, exitCodeOf, numberBetween } from '../host/command-line.ts'
import { interruptible } from '../host/interruption.ts'
import { log } from '../host/progress.ts'
import { makeCertificate, namesOf } from './certificate.ts'
import { type ManagementCluster, managementClusterAt } from './management-cluster.ts'
import { applySecret } from './secret.ts'

// As in kind-config/.
const service = 'capd-kubeadm-upgrader'
const secret = 'capd-kubeadm-upgrader-tls'
const defaultNamespace = 'capd-kubeadm-upgrader-system'
const namespaceFile = join(import.meta.dirname, '../../kind-config/base/namespace.yaml')

interface CertificateOptions {
  kubeconfig?: string
  kubectl: string
  namespace: string
  days: number
}

/** Runs `npm run certificates` with these arguments, and resolves to the exit code. */
export function certificates(args: string[]): Promise<number> {
  const command = commandLine('npm run certificates --')
    .description(
      'Makes a CA and a serving certificate for the service in a management cluster, and puts them into the Secret ' +
        `${defaultNamespace}/${secret}. Run it before \`kubectl apply -k kind-config\`, and again to renew the ` +
        'certificate: running pods read the new one within about a minute, and no call fails during that time.',
    )
    .option('--kubeconfig <file>', 'access to the cluster; by default as kubectl finds it')
    .option('--kubectl <program>', 'path of kubectl', 'kubectl')
    .option('--namespace <name>', 'namespace of the Secret', namespaceName, defaultNamespace)
    .option('--days <number>', 'validity in days, 1 to 3650', numberBetween(1, 3650), 365)
    .action(async ({ kubeconfig, kubectl, namespace, days }: CertificateOptions) => {
      await interruptible(async () => install(await managementClusterAt(kubectl, kubeconfig), namespace, days))
    })
  return exitCodeOf(command, args)
}

function namespaceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text
  throw new InvalidArgumentError('It is not the name of a namespace.')
}

async function install(cluster: ManagementCluster, namespace: string, days: number): Promise<void> {
  log('  ok the cluster answers and has Cluster API')
  const manifest = parse(await readFile(namespaceFile, 'utf8'))
  manifest.metadata.name = namespace
  await cluster.kubectl(['apply', '--filename=-'], JSON.stringify(manifest))
  log(`  ok Namespace ${namespace}`)
  const names = namesOf(service, namespace)
  const bundle = await makeCertificate(names, days)
  log(`  ok certificate for ${names.join(', ')}, valid until ${bundle.until.toISOString()}`)
  await applySecret(cluster, { namespace, name: secret }, bundle)
  log(`  ok Secret ${namespace}/${secret}`)
  log('Next: kubectl apply -k kind-config, if it is not applied yet')
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { say } from '../host/progress.ts'
import { interruptible } from '../host/run.ts'
import { Interrupted, UserError } from '../host/user-error.ts'
import { makeCertificate, namesOf } from './certificate.ts'
import { type Cluster, clusterAt } from './cluster.ts'
import { putSecret } from './secret.ts'

// Names as in kind-config/.
const service = 'capd-kubeadm-upgrader'
const secret = 'capd-kubeadm-upgrader-tls'
const namespaceFile = join(import.meta.dirname, '../../kind-config/base/namespace.yaml')

const options = {
  kubeconfig: { type: 'string' },
  kubectl: { type: 'string', default: 'kubectl' },
  namespace: { type: 'string', default: 'capd-kubeadm-upgrader-system' },
  days: { type: 'string', default: '365' },
  help: { type: 'boolean' },
} as const

const usage = `Usage: npm run certificates -- [options]

Makes a CA and a serving certificate for the service in a management cluster, and puts them into the Secret
${options.namespace.default}/${secret}. It comes before \`kubectl apply -k kind-config\`,
and again whenever a new certificate is wanted: running pods take it within about a minute, and no call fails meanwhile.

  --kubeconfig <file>  access to the cluster; by default as kubectl finds it
  --kubectl <program>  where kubectl is; by default as in PATH
  --namespace <name>   by default ${options.namespace.default}
  --days <number>      for how long they are valid, 1 to 3650; by default ${options.days.default}
  --help               show this`

// The verb with its arguments; gives the exit code.
export async function certificates(args: string[]): Promise<number> {
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values']
  try {
    values = parseArgs({ args, options }).values
  } catch (error) {
    return wrong((error as Error).message)
  }
  const { kubeconfig, kubectl, namespace, days, help } = values
  if (help) console.log(usage)
  if (help) return 0
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) return wrong(`"${namespace}" is no name of a namespace.`)
  if (!/^[1-9]\d*$/.test(days) || Number(days) > 3650) return wrong('--days must be a number from 1 to 3650.')
  try {
    await interruptible(async () => install(await clusterAt(kubectl, kubeconfig), namespace, Number(days)))
    return 0
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    console.error(`\n${error.message}`)
    return error instanceof Interrupted ? 130 : 1
  }
}

async function install(cluster: Cluster, namespace: string, days: number) {
  say('  ok the cluster answers and has Cluster API')
  const manifest = parse(await readFile(namespaceFile, 'utf8'))
  manifest.metadata.name = namespace
  await cluster.kubectl(['apply', '--filename=-'], JSON.stringify(manifest))
  say(`  ok Namespace ${namespace}`)
  const names = namesOf(service, namespace)
  const made = await makeCertificate(names, days)
  say(`  ok certificate for ${names.join(', ')}, valid until ${made.until.toISOString()}`)
  await putSecret(cluster, namespace, secret, made)
  say(`  ok Secret ${namespace}/${secret}`)
  say('Next: kubectl apply -k kind-config, if it is not done yet')
}

function wrong(what: string): number {
  console.error(`${what}\n\n${usage}`)
  return 2
}

import Type, { type Static, type TString } from 'typebox'
import { documented } from '../contract/documented.ts'
import { hasNoUser, isDockerHost, isHttpUrl, isImageOfVersion, isNameList, isSafeSource } from './values.ts'

/** The schema of the environment. --help, docs/reference/configuration.md and the validation are generated from it. */
export const Environment = Type.Object({
  UPGRADER_HOST: text({
    default: '127.0.0.1',
    description: 'Address to listen on. Anyone who can reach it has root on this host.',
  }),
  UPGRADER_PORT: port({
    default: 9443,
    description: 'Port to listen on.',
  }),
  UPGRADER_TLS_CERT_FILE: text({
    default: '',
    description: 'The serving certificate, PEM. Required. Reloaded when it changes.',
  }),
  UPGRADER_TLS_KEY_FILE: text({
    default: '',
    description: 'Its private key, PEM. Required. Reloaded when it changes.',
  }),
  UPGRADER_CLIENT_CA_FILE: text({
    default: '',
    description:
      'CA certificates, PEM. If it is set, callers of the hooks, start and sync need a client certificate that is signed by one of them. Reloaded when it changes.',
  }),
  UPGRADER_CLIENT_NAMES: text(
    {
      default: '',
      description:
        'Names, separated by commas. A client certificate must have one of them as its common name or a DNS name. If it is empty, any certificate of the CA is accepted.',
    },
    { holds: isNameList, must: 'be names, separated by commas, without spaces' },
  ),
  UPGRADER_TOKEN: text({
    default: '',
    description: 'Bearer token for /v1/start and /v1/sync, which are not served without it.',
  }),
  UPGRADER_BINARIES: choice(['download', 'node-image'], {
    default: 'download',
    description:
      "Where kubeadm, kubelet and kubectl come from: download (UPGRADER_BINARIES_URL) or node-image (the target's node image on the same engine, without a network).",
  }),
  UPGRADER_BINARIES_URL: text(
    {
      default: 'https://dl.k8s.io/release',
      description:
        'With UPGRADER_BINARIES=download: the server from which machines download kubeadm, kubelet and kubectl, <url>/<version>/bin/linux/<arch>/<name>. Without a user or password. https, or http to a private address.',
    },
    { holds: isHttpUrl, must: 'be an http or https URL without query, fragment, quotes, $ or spaces' },
    { holds: hasNoUser, must: 'not contain a user or password, which machines and logs would show' },
    {
      holds: isSafeSource,
      must: 'be https, or http to a private address: anyone on the way could replace the programs and their checksums',
    },
  ),
  UPGRADER_IMAGES: choice(['node-image', 'pull'], {
    default: 'node-image',
    description:
      "Where the Kubernetes images come from: node-image (the target's node image on the same engine) or pull (kubeadm pulls them from their registry).",
  }),
  UPGRADER_NODE_IMAGE: text(
    {
      default: 'kindest/node:{version}',
      description:
        'The node image with the Kubernetes images and programs. Every {version} in it is replaced by the target.',
    },
    { holds: isImageOfVersion, must: 'be the name of an image with {version} in it' },
  ),
  UPGRADER_NODE_IMAGE_PULL: choice(['allow', 'forbid'], {
    default: 'allow',
    description:
      'Whether the engine may pull a missing node image, without credentials. With forbid, an update fails with IMAGE_SOURCE_MISSING before anything is changed.',
  }),
  UPGRADER_FAULTS: choice(['refuse', 'allow', 'discovery-fails'], {
    default: 'refuse',
    description:
      'allow: the setting "fault" may request fault injection. discovery-fails: in addition, discovery answers Failure. Tests only.',
  }),
  UPGRADER_LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'fatal, error, warn, info, debug, trace or silent.',
  }),
  DOCKER_HOST: text(
    {
      default: '',
      description:
        "The Docker engine; if it is empty, Docker's default socket. DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are used too.",
    },
    { holds: isDockerHost, must: 'be like unix:///path or tcp://host:port' },
  ),
})

/** The parsed environment. */
export type Environment = Static<typeof Environment>

/** The variables by name, each with its default and description. */
export const variables = Environment.properties

interface Requirement {
  holds: (text: string) => boolean
  /** Completes the message "NAME must …". */
  must: string
}

interface VariableOptions<Value> {
  default: Value
  description: string
}

/** A text that meets all requirements. */
function text(options: VariableOptions<string>, ...requirements: Requirement[]) {
  const schema = requirements.reduce<TString>(
    (refined, { holds, must }) => Type.Refine(refined, holds, () => must),
    Type.String(),
  )
  return documented(schema, options)
}

/** One of the values. */
function choice<const Values extends string[]>(values: readonly [...Values], options: VariableOptions<Values[number]>) {
  const must = `be one of ${values.join(', ')}`
  const isOneOf = (value: unknown) => values.some((allowed) => allowed === value)
  return documented(
    Type.Refine(Type.Enum(values), isOneOf, () => must),
    options,
  )
}

/** A TCP port; 0 selects any free port. */
function port(options: VariableOptions<number>) {
  const isPort = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65535
  return documented(
    Type.Refine(Type.Integer(), isPort, () => 'be a number from 0 to 65535'),
    options,
  )
}

import Type, { type Static, type TString } from 'typebox'
import { documented } from '../contract/documented.ts'
import { hasNoUser, isDockerHost, isHttpUrl, isImageOfVersion, isNameList, isSafeSource } from './values.ts'

/** What the environment may hold. --help, docs/configuration.md and the check are made from this schema. */
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
    description: 'The serving certificate, PEM. Required. Read again when it changes.',
  }),
  UPGRADER_TLS_KEY_FILE: text({
    default: '',
    description: 'Its private key, PEM. Required. Read again when it changes.',
  }),
  UPGRADER_CLIENT_CA_FILE: text({
    default: '',
    description:
      'CA certificates, PEM. Where it is set, callers of the hooks, of start and of sync need a client certificate of one of them. Read again when it changes.',
  }),
  UPGRADER_CLIENT_NAMES: text(
    {
      default: '',
      description:
        'Names, separated by commas. A client certificate must have one of them as its common name or as a DNS name. Without it, any certificate of the CA is accepted.',
    },
    { holds: isNameList, must: 'be names, separated by commas, without spaces' },
  ),
  UPGRADER_TOKEN: text({
    default: '',
    description: 'Bearer token for /v1/start and /v1/sync, which are off without it.',
  }),
  UPGRADER_BINARIES: choice(['download', 'node-image'], {
    default: 'download',
    description:
      "How kubeadm, kubelet and kubectl come: download (from UPGRADER_BINARIES_URL) or node-image (from the target's node image on the same engine, without any network).",
  }),
  UPGRADER_BINARIES_URL: text(
    {
      default: 'https://dl.k8s.io/release',
      description:
        'With UPGRADER_BINARIES=download: where machines fetch kubeadm, kubelet and kubectl, <url>/<version>/bin/linux/<arch>/<name>. Without a user or password. https, or http to a private address.',
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
    description: "How images come: node-image (from the target's node image on the same engine) or pull (by kubeadm).",
  }),
  UPGRADER_NODE_IMAGE: text(
    {
      default: 'kindest/node:{version}',
      description: 'The node image that holds the Kubernetes images and programs. Every {version} in it is replaced.',
    },
    { holds: isImageOfVersion, must: 'be the name of an image with {version} in it' },
  ),
  UPGRADER_NODE_IMAGE_PULL: choice(['allow', 'forbid'], {
    default: 'allow',
    description:
      'Whether the engine pulls a node image that it does not have, without credentials: allow, or forbid, where an update fails with IMAGE_SOURCE_MISSING before anything is changed.',
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
        "The Docker engine; without it Docker's default socket. DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are used too.",
    },
    { holds: isDockerHost, must: 'be like unix:///path or tcp://host:port' },
  ),
})

/** The environment, with numbers as numbers. */
export type Environment = Static<typeof Environment>

/** The variables by name, each with its default and description. */
export const variables = Environment.properties

interface Requirement {
  holds: (text: string) => boolean
  /** What the text must do, for "NAME must …". */
  must: string
}

interface Options<Value> {
  default: Value
  description: string
}

/** Text that meets all requirements. */
function text(options: Options<string>, ...requirements: Requirement[]) {
  const schema = requirements.reduce<TString>(
    (refined, { holds, must }) => Type.Refine(refined, holds, () => must),
    Type.String(),
  )
  return documented(schema, options)
}

/** One of the values. */
function choice<const Values extends string[]>(values: readonly [...Values], options: Options<Values[number]>) {
  const must = `be one of ${values.join(', ')}`
  const isOneOf = (value: unknown) => values.some((allowed) => allowed === value)
  return documented(
    Type.Refine(Type.Enum(values), isOneOf, () => must),
    options,
  )
}

/** The number of a TCP port; 0 is any that is free. */
function port(options: Options<number>) {
  const isPort = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65535
  return documented(
    Type.Refine(Type.Integer(), isPort, () => 'be a number from 0 to 65535'),
    options,
  )
}

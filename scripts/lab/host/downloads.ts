import { arch } from './names.ts'

/** Kubernetes' own download server. */
export const downloadServer = 'https://dl.k8s.io'

/** The URL of a file of a Kubernetes version on a server with the layout of dl.k8s.io. */
export function downloadUrl(server: string, version: string, file: string): string {
  return `${server}/release/${version}/bin/linux/${arch}/${file}`
}

/** Whether Kubernetes' own server delivers a small file of a version within seconds. */
export async function canDownload(version: string): Promise<boolean> {
  const url = downloadUrl(downloadServer, version, 'kubeadm.sha256')
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(4_000) })).ok
  } catch {
    return false
  }
}

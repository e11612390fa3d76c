import { arch } from './names.ts'

// Kubernetes' own download server.
export const downloads = 'https://dl.k8s.io'

// A small file of a version can be had from there within seconds.
export async function downloadsReachable(version: string): Promise<boolean> {
  const url = `${downloads}/release/${version}/bin/linux/${arch}/kubeadm.sha256`
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(4_000) })).ok
  } catch {
    return false
  }
}

import { TestbedError } from './errors.ts';

/** Programs of a cluster that run once, in the namespace of its first node. */
export const CONTROL_COMPONENTS = ['etcd', 'apiserver', 'kcm', 'scheduler', 'kwok'] as const;

/** Programs that run on each real node. */
export const NODE_COMPONENTS = ['containerd', 'kubelet', 'proxy'] as const;

export type ControlComponent = (typeof CONTROL_COMPONENTS)[number];
export type NodeComponent = (typeof NODE_COMPONENTS)[number];
export type Component = ControlComponent | NodeComponent;

/** Kubernetes' own names work too. */
const LONG_NAMES: Readonly<Record<string, Component>> = {
  'kube-apiserver': 'apiserver',
  'kube-controller-manager': 'kcm',
  'controller-manager': 'kcm',
  'kube-scheduler': 'scheduler',
  'kube-proxy': 'proxy',
};

export function isNodeComponent(component: Component): component is NodeComponent {
  return (NODE_COMPONENTS as readonly string[]).includes(component);
}

/** @throws TestbedError `UnknownTarget` */
export function parseComponent(text: string): Component {
  const names: readonly Component[] = [...CONTROL_COMPONENTS, ...NODE_COMPONENTS];
  const found = names.find((name) => name === text) ?? LONG_NAMES[text];
  if (found !== undefined) return found;
  throw new TestbedError('UnknownTarget', {
    attempted: 'find a component of the test bed',
    where: text,
    why: 'there is none of that name',
    next: `name one of: ${names.join(', ')}`,
  });
}

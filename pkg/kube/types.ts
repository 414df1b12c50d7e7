/** Types of the built-in kinds, from kubernetes-types, with `metadata` that is always there. */
import type * as admission from 'kubernetes-types/admissionregistration/v1.js';
import type * as apiextensions from 'kubernetes-types/apiextensions/v1.js';
import type * as apps from 'kubernetes-types/apps/v1.js';
import type * as batch from 'kubernetes-types/batch/v1.js';
import type * as certificates from 'kubernetes-types/certificates/v1.js';
import type * as coordination from 'kubernetes-types/coordination/v1.js';
import type * as core from 'kubernetes-types/core/v1.js';
import type * as discovery from 'kubernetes-types/discovery/v1.js';
import type * as networking from 'kubernetes-types/networking/v1.js';
import type * as policy from 'kubernetes-types/policy/v1.js';
import type * as rbac from 'kubernetes-types/rbac/v1.js';
import type * as storage from 'kubernetes-types/storage/v1.js';
import type { ObjectMeta } from './object.ts';

/** Fields newer than kubernetes-types 1.30; a mirror must be able to name them. */
declare module 'kubernetes-types/core/v1.js' {
  interface PodSpec {
    /** Pod-level resources (KEP-2837). */
    resources?: ResourceRequirements;
    /** KEP-4762. */
    hostnameOverride?: string;
  }
  interface PodStatus {
    /** Generation of the spec that the kubelet has seen (KEP-5067). */
    observedGeneration?: number;
  }
  interface PodCondition {
    observedGeneration?: number;
  }
}

/** `T` as the API server stores it: `metadata` present, `apiVersion` and `kind` not narrowed to literals. */
export type Narrow<T> = Omit<T, 'metadata' | 'apiVersion' | 'kind'> & {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
};

export type Pod = Narrow<core.Pod>;
export type Node = Narrow<core.Node>;
export type Namespace = Narrow<core.Namespace>;
export type ConfigMap = Narrow<core.ConfigMap>;
export type Secret = Narrow<core.Secret>;
export type Service = Narrow<core.Service>;
export type ServiceAccount = Narrow<core.ServiceAccount>;
export type Event = Narrow<core.Event>;
export type PersistentVolumeClaim = Narrow<core.PersistentVolumeClaim>;
export type ResourceQuota = Narrow<core.ResourceQuota>;
export type EndpointSlice = Narrow<discovery.EndpointSlice>;
export type ReplicaSet = Narrow<apps.ReplicaSet>;
export type DaemonSet = Narrow<apps.DaemonSet>;
export type Deployment = Narrow<apps.Deployment>;
export type StatefulSet = Narrow<apps.StatefulSet>;
export type Job = Narrow<batch.Job>;
export type CronJob = Narrow<batch.CronJob>;
export type Lease = Narrow<coordination.Lease>;
export type Role = Narrow<rbac.Role>;
export type RoleBinding = Narrow<rbac.RoleBinding>;
export type ClusterRole = Narrow<rbac.ClusterRole>;
export type ClusterRoleBinding = Narrow<rbac.ClusterRoleBinding>;
export type CertificateSigningRequest = Narrow<certificates.CertificateSigningRequest>;
export type MutatingWebhookConfiguration = Narrow<admission.MutatingWebhookConfiguration>;
export type ValidatingWebhookConfiguration = Narrow<admission.ValidatingWebhookConfiguration>;
export type PodDisruptionBudget = Narrow<policy.PodDisruptionBudget>;
export type CustomResourceDefinition = Narrow<apiextensions.CustomResourceDefinition>;
export type Ingress = Narrow<networking.Ingress>;
export type NetworkPolicy = Narrow<networking.NetworkPolicy>;
export type StorageClass = Narrow<storage.StorageClass>;

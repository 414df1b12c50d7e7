/**
 * What is common to all reflected kinds: which namespaces are offloaded, what of an object may travel, who owns a twin
 * object, and the loops that keep twins equal to what is at home.
 *
 * A kind is a declaration and pure functions in a folder of its own beside this one. The framework knows no kind, never
 * adopts an object without our label, and never reads a namespace that is not offloaded.
 */
export { type HomeKind, type HomeObjects, homeObjects } from './home-objects.ts';
export { type CopiedMetadata, isCopied, isOurs, type MetadataRules, stripMetadata } from './metadata.ts';
export { type ReflectionMetrics, reflectionMetrics } from './metrics.ts';
export { denyPrefixes, type Verdict, verdictOn } from './policy.ts';
export {
  defineReflector,
  type OwnerRule,
  pick,
  type Reflector,
  type ReflectorDefinition,
  type TwinFields,
} from './reflector.ts';
export { HOME_ROOT_CA, ROOT_CA, twinConfigMapName } from './root-ca.ts';
export { type ReflectionDeps, runReflectors } from './run-reflectors.ts';
export { homeNameOf } from './twin-object.ts';
export { liveTwins, offloadingTwins, type Twin, type TwinTable } from './twin-table.ts';

import { formatAmount, type Quantity } from '#pkg/quantity';

/** Why a pod is refused. The code is also the reason on the pod's condition at home. */
export interface Refusal {
  readonly code: 'GrantExceeded' | 'GrantCordoned' | 'NoGrant' | 'NotCounting';
  readonly message: string;
}

export interface Excess {
  readonly resource: string;
  readonly asked: Quantity;
  readonly free: Quantity;
  readonly granted: Quantity | undefined;
}

/** One sentence with resource, asked, free and granted (POD-70). */
export function grantExceeded(grant: string, excess: Excess): Refusal {
  const { resource, asked, free, granted } = excess;
  const amount = (value: Quantity) => formatAmount(resource, value);
  const sentence =
    granted === undefined
      ? `the grant ${grant} has no ${resource}, ${amount(asked)} asked`
      : `${resource}: asked ${amount(asked)}, free ${amount(free)}, granted ${amount(granted)} by ${grant}`;
  return { code: 'GrantExceeded', message: `GrantExceeded: ${sentence}` };
}

import type { Role } from '#pkg/api';

/** As `--role` takes it: what this cluster does. */
export type RoleFlag = 'consume' | 'provide' | 'both';

export function rolesOf(flag: RoleFlag): Role[] {
  switch (flag) {
    case 'consume':
      return ['Consume'];
    case 'provide':
      return ['Provide'];
    case 'both':
      return ['Consume', 'Provide'];
  }
}

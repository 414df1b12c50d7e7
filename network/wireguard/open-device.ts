import { checkDeviceName } from './check-config.ts';
import type { Device, DeviceOptions } from './device.ts';
import { WireguardError } from './errors.ts';
import { hostCommand } from './host.ts';
import { createKernelLink, KernelDevice } from './kernel-device.ts';
import { requireNetAdmin, requireTunDevice, requireWgTool } from './requirements.ts';
import { UserspaceDevice } from './userspace-device.ts';

/**
 * Opens the interface: in the kernel where it has the module and `wg` is there to tell it, else with wireguard-go. A kernel
 * interface of that name is taken over with its sessions; what a crashed wireguard-go left is removed. Configures
 * nothing: `apply` does.
 * @throws WireguardError `MissingCapability`, `MissingTunDevice`, `MissingWireguardGo`, `MissingWireguardModule`,
 *   `MissingWireguardTools`, `WireguardConfigInvalid` (not retryable), `DeviceBusy`, `DeviceUnavailable` (retryable)
 */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const { name, signal, log, implementation = 'auto' } = options;
  checkDeviceName(name);
  await requireNetAdmin(name);
  if (implementation !== 'userspace') {
    try {
      const run = hostCommand(options.enter ?? []);
      await requireWgTool(run, name, signal);
      await createKernelLink(run, name, signal);
      return new KernelDevice(options);
    } catch (error) {
      if (implementation === 'kernel' || !hasNoKernelDevice(error)) throw error;
      log.info({ device: name, why: error.why }, 'WireGuard of the kernel cannot be used: wireguard-go is');
    }
  }
  await requireTunDevice(name);
  return UserspaceDevice.open(options);
}

function hasNoKernelDevice(error: unknown): error is WireguardError {
  const codes: readonly string[] = ['MissingWireguardModule', 'MissingWireguardTools'];
  return error instanceof WireguardError && codes.includes(error.code);
}

import { checkDeviceName } from './check-config.ts';
import type { Device, DeviceOptions } from './device.ts';
import { WireguardError } from './errors.ts';
import { hostCommand } from './host.ts';
import { createKernelLink, KernelDevice } from './kernel-device.ts';
import { requireNetAdmin, requireTunDevice } from './requirements.ts';
import { UserspaceDevice } from './userspace-device.ts';

/**
 * Opens the interface: in the kernel where it has the module, else with wireguard-go. A kernel interface of that name is
 * taken over with its sessions; what a crashed wireguard-go left is removed. Configures nothing: `apply` does.
 * @throws WireguardError `MissingCapability`, `MissingTunDevice`, `MissingWireguardGo`, `MissingWireguardModule`,
 *   `WireguardConfigInvalid` (not retryable), `DeviceBusy`, `DeviceUnavailable` (retryable)
 */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const { name, signal, log, implementation = 'auto' } = options;
  checkDeviceName(name);
  await requireNetAdmin(name);
  if (implementation !== 'userspace') {
    try {
      await createKernelLink(hostCommand(options.enter ?? []), name, signal);
      return new KernelDevice(options);
    } catch (error) {
      const hasNoModule = error instanceof WireguardError && error.code === 'MissingWireguardModule';
      if (implementation === 'kernel' || !hasNoModule) throw error;
      log.info({ device: name }, 'the kernel has no WireGuard: wireguard-go is used');
    }
  }
  await requireTunDevice(name);
  return UserspaceDevice.open(options);
}

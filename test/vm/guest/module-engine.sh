# The contract of countdown engines, on the kernel module. The host stops the machine when it is asked to.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
insmod "$HD_BUILT/hangdog.ko"
echo 1 > /proc/sys/kernel/printk
cd "$HD_PROJECT"
loaders=node_modules/@tapjs
# Seconds, for all of it.
export TAP_TIMEOUT=900
# As in .taprc: types are checked elsewhere.
export TS_NODE_TRANSPILE_ONLY=1
keep engine.tap timeout -k 5 800 "$HD_NODE" --import=./$loaders/typescript/dist/esm/import.mjs test/vm/guest/kernel-engine.ts
dmesg > /mnt/out/dmesg.txt

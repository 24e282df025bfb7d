# A hang of hangdog's own event loop, which the kernel ends.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
insmod "$HD_BUILT/hangdog.ko"
code=0
timeout -s TERM -k 5 60 "$HD_NODE" "$HD_PROJECT/test/vm/guest/blocks-itself.mjs" > /mnt/out/own.txt || code=$?
say "it ended with code $code"
dmesg > /mnt/out/dmesg.txt

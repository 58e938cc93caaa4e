/* A meter that is not ours: serves input registers on a serial port with libmodbus, until it is told to end.
 * foreign_meter PORT BAUD PARITY UNIT ADDRESS=WORD ...   (addresses and words in hexadecimal)
 */
#include <errno.h>
#include <modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGISTERS = 0x400 };

int main(int count, char **words) {
    if (count < 5) {
        fputs("usage: foreign_meter PORT BAUD PARITY UNIT ADDRESS=WORD ...\n", stderr);
        return 2;
    }
    signal(SIGTERM, SIG_DFL);
    modbus_t *line = modbus_new_rtu(words[1], atoi(words[2]), words[3][0], 8, 1);
    modbus_mapping_t *registers = modbus_mapping_new(0, 0, REGISTERS, REGISTERS);
    if (line == NULL || registers == NULL) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    for (int place = 5; place < count; place++) {
        char *word = strchr(words[place], '=');
        unsigned long at = strtoul(words[place], NULL, 16);
        if (word == NULL || at >= REGISTERS) {
            fprintf(stderr, "not ADDRESS=WORD: %s\n", words[place]);
            return 2;
        }
        registers->tab_input_registers[at] = (uint16_t)strtoul(word + 1, NULL, 16);
    }
    modbus_set_slave(line, atoi(words[4]));
    if (modbus_connect(line) == -1) {
        fprintf(stderr, "%s: %s\n", words[1], modbus_strerror(errno));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint8_t asked[MODBUS_RTU_MAX_ADU_LENGTH];
        int octets = modbus_receive(line, asked);
        if (octets > 0)
            modbus_reply(line, asked, octets, registers);
        else if (octets == -1 && (errno == EIO || errno == EBADF))
            return 1; /* the port is gone */
    }
}

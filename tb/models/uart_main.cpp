// A simulated board whose UART pins end in a pseudo-terminal, as those of a real one in an adapter.
// Arguments: cycles of a bit; cycles without traffic after which the simulation waits for some.
// Prints the terminal's name; ends with its standard input. This UART shares nothing with hdl/uart.py.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "Vtop.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int, char** arguments) {
    const double bit = atof(arguments[1]);
    const long patience = atol(arguments[2]);

    const int host = posix_openpt(O_RDWR | O_NOCTTY);
    if (host < 0 || grantpt(host) || unlockpt(host)) { perror("pseudo-terminal"); return 1; }
    const int device = open(ptsname(host), O_RDWR | O_NOCTTY);  // or reads would fail before the first user
    termios raw;
    tcgetattr(device, &raw);
    cfmakeraw(&raw);
    tcsetattr(device, TCSANOW, &raw);
    fcntl(host, F_SETFL, O_NONBLOCK);
    printf("%s\n", ptsname(host));
    fflush(stdout);

    Vtop top;
    std::deque<unsigned char> to_board, to_host;
    double sent_since = -1, received_since = -1;  // cycle in which the byte's start bit began
    unsigned sending = 0, receiving = 0, sampled = 0;
    long last_traffic = 0;

    top.rst = 0;
    for (long cycle = 0;; cycle++) {
        if (sent_since >= 0 && cycle >= sent_since + 10 * bit) {
            // The next byte follows without a pause, at the exact rate.
            if (to_board.empty()) sent_since = -1;
            else sent_since += 10 * bit;
        } else if (sent_since < 0 && !to_board.empty()) {
            sent_since = cycle;
        } else {
            goto no_new_byte;
        }
        if (sent_since >= 0) {
            sending = to_board.front() << 1 | 1 << 9;
            to_board.pop_front();
        }
    no_new_byte:
        top.rx = sent_since < 0 || (sending >> int((cycle - sent_since) / bit) & 1);
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();

        if (received_since < 0 && !top.tx) {
            received_since = cycle;
            receiving = sampled = 0;
        }
        if (received_since >= 0) {
            last_traffic = cycle;
            if (cycle >= received_since + (sampled + 0.5) * bit) {
                receiving |= unsigned(top.tx) << sampled++;
                if (sampled == 10) {
                    if (receiving & 1 || !(receiving >> 9)) {
                        fprintf(stderr, "the board sent no start or no stop bit\n");
                        return 1;
                    }
                    to_host.push_back(receiving >> 1 & 0xFF);
                    received_since = -1;
                }
            }
        }
        if (sent_since >= 0) last_traffic = cycle;

        if (cycle % 128 == 0) {
            unsigned char bytes[4096];
            if (to_board.empty()) {
                const ssize_t n = read(host, bytes, sizeof bytes);
                for (ssize_t k = 0; k < n; k++) to_board.push_back(bytes[k]);
            }
            size_t n = 0;
            while (n < to_host.size() && n < sizeof bytes) { bytes[n] = to_host[n]; n++; }
            const ssize_t written = n ? write(host, bytes, n) : 0;
            if (written > 0) to_host.erase(to_host.begin(), to_host.begin() + written);

            const bool waits = cycle - last_traffic > patience && to_board.empty() && to_host.empty();
            if (waits || cycle % 65536 == 0) {
                pollfd watched[] = {{0, POLLIN, 0}, {host, POLLIN, 0}};
                poll(watched, 2, waits ? 5 : 0);
                char ignored;
                if (watched[0].revents && read(0, &ignored, 1) <= 0) return 0;
            }
        }
    }
}

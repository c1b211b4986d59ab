/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulated PL011, register by register: output, loopback, modem lines, reset. Input is in
 * test_vpl011_receive.c.
 */
#include "vpl011_fixture.h"

static void assert_reset_state(void)
{
    assert_int_equal(rd(FR), FR_IDLE | FR_RXFE);
    assert_int_equal(rd(RSR), 0);
    assert_int_equal(rd(ILPR), 0);
    assert_int_equal(rd(IBRD), 0);
    assert_int_equal(rd(FBRD), 0);
    assert_int_equal(rd(LCR_H), 0);
    assert_int_equal(rd(CR), CR_RESET);
    assert_int_equal(rd(IFLS), 0x12);
    assert_int_equal(rd(IMSC), 0);
    assert_int_equal(rd(RIS), 0);
    assert_int_equal(rd(MIS), 0);
    assert_int_equal(rd(ICR), 0);
    assert_int_equal(rd(DMACR), 0);
    assert_false(line);
}

static void test_reset_values(void **state)
{
    (void)state;
    assert_reset_state();
    assert_int_equal(line_calls, 0);
}

static void test_identification(void **state)
{
    static const uint8_t id[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        wr(0xfe0 + 4 * i, 0xff);
        assert_int_equal(rd(0xfe0 + 4 * i), id[i]);
    }
    assert_int_equal(rd(0xfdc), 0);
}

static void test_writable_bits(void **state)
{
    static const struct {
        uint64_t offset;
        uint32_t mask;
    } regs[] = {{ILPR, 0xff}, {IBRD, 0xffff}, {FBRD, 0x3f},  {LCR_H, 0xff},
                {CR, 0xff87}, {IFLS, 0x3f},   {IMSC, 0x7ff}, {DMACR, 0x7},
                {FR, 0},      {RIS, 0},       {MIS, 0},      {ICR, 0},
                {0x08, 0},    {0x4c, 0},      {0x80, 0},     {0xffc + 4, 0}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
        uint32_t before;

        setup(NULL);
        before = rd(regs[i].offset);
        wr(regs[i].offset, UINT32_MAX);
        assert_int_equal(rd(regs[i].offset), regs[i].mask != 0 ? regs[i].mask : before);
        wr(regs[i].offset, 0);
        assert_int_equal(rd(regs[i].offset), regs[i].mask != 0 ? 0 : before);
    }
}

static void test_access_sizes(void **state)
{
    struct mmio_access access = {.offset = FR, .size = 8};

    (void)state;
    assert_int_equal(vpl011_access(&uart, &access), MMIO_ABORT);
    access.write = true;
    assert_int_equal(vpl011_access(&uart, &access), MMIO_ABORT);
    for (uint8_t size = 2; size <= 4; size = (uint8_t)(size * 2)) {
        for (uint64_t offset = 1; offset < 8; offset++) {
            access = (struct mmio_access){.offset = IBRD + offset, .size = size};
            assert_int_equal(vpl011_access(&uart, &access),
                             offset % size == 0 ? MMIO_OK : MMIO_ABORT);
        }
    }
    wr(IBRD, 0x1234);
    assert_int_equal(read_sized(IBRD, 1), 0x34);
    assert_int_equal(read_sized(IBRD + 1, 1), 0x12);
    assert_int_equal(read_sized(IBRD + 2, 1), 0);
    assert_int_equal(read_sized(IBRD, 2), 0x1234);
    assert_int_equal(read_sized(IBRD + 2, 2), 0);
    write_sized(IBRD, 1, 0x56);
    assert_int_equal(rd(IBRD), 0x56);
    write_sized(IBRD, 2, 0x789a);
    assert_int_equal(rd(IBRD), 0x789a);
    write_sized(IBRD + 1, 1, 0xff);
    write_sized(IBRD + 2, 2, 0xffff);
    assert_int_equal(rd(IBRD), 0x789a);
    write_sized(DR, 1, 'x');
    write_sized(DR + 1, 1, 'y');
    assert_int_equal(nr_sent, 1);
    assert_int_equal(sent[0], 'x');
}

static void test_transmit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(rd(FR), FR_IDLE | FR_RXFE); /* never full, never busy */
        wr(DR, 0xffffff00U | ('0' + i));
    }
    assert_int_equal(nr_sent, 40);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(sent[i], '0' + i);
}

static void test_transmit_interrupt(void **state)
{
    (void)state;
    wr(IMSC, INT_TX);
    assert_false(line); /* nothing has been sent yet */
    wr(DR, 'a');
    assert_int_equal(rd(RIS), INT_TX);
    assert_int_equal(rd(MIS), INT_TX);
    assert_true(line);
    wr(IMSC, 0);
    assert_int_equal(rd(RIS), INT_TX);
    assert_int_equal(rd(MIS), 0);
    assert_false(line);
    wr(IMSC, INT_TX);
    assert_true(line);
    wr(ICR, 0x7ff & ~INT_TX);
    assert_true(line);
    wr(ICR, INT_TX);
    assert_false(line);
    assert_int_equal(rd(RIS), 0);
    assert_int_equal(line_calls, 4); /* the wire is driven on changes only */
}

static void test_loopback(void **state)
{
    (void)state;
    wr(CR, CR_RESET | CR_LBE);
    wr(DR, 'x');
    assert_int_equal(nr_sent, 0);
    assert_int_equal(rd(FR) & (FR_RXFE | FR_RXFF), FR_RXFF);
    assert_int_equal(rd(RSR), 0);
    wr(DR, 'y'); /* no room */
    assert_int_equal(rd(RIS) & INT_OE, INT_OE);
    assert_int_equal(rd(RSR), 8);
    assert_int_equal(rd(DR), 0x800 | 'x');
    wr(DR, 'z');
    assert_int_equal(rd(DR), 'z');
    assert_int_equal(rd(RSR), 8); /* until cleared */
    wr(RSR, 0);
    assert_int_equal(rd(RSR), 0);
    wr(ICR, INT_OE);
    assert_int_equal(rd(RIS) & INT_OE, 0);
    wr(CR, CR_RESET);
    wr(DR, 'w');
    assert_int_equal(nr_sent, 1);
}

static void test_modem_lines(void **state)
{
    static const struct {
        uint32_t control, flag, irq;
    } lines[] = {{CR_RTS, FR_CTS, INT_CTS},
                 {CR_DTR, FR_DSR, INT_DSR},
                 {CR_OUT1, FR_DCD, INT_DCD},
                 {CR_OUT2, FR_RI, INT_RI}};
    const uint32_t all = FR_CTS | FR_DSR | FR_DCD | FR_RI;

    (void)state;
    wr(CR, CR_RESET | CR_RTS | CR_OUT2); /* no loopback: the outputs lead nowhere */
    assert_int_equal(rd(FR) & all, FR_CTS | FR_DSR | FR_DCD);
    assert_int_equal(rd(RIS), 0);
    wr(CR, CR_RESET | CR_LBE);
    assert_int_equal(rd(FR) & all, 0);
    assert_int_equal(rd(RIS), INT_CTS | INT_DSR | INT_DCD);
    wr(IMSC, 0xf);
    assert_true(line);
    wr(ICR, 0xf);
    assert_false(line);
    for (unsigned i = 0; i < 4; i++) {
        wr(CR, CR_RESET | CR_LBE | lines[i].control);
        assert_int_equal(rd(FR) & all, lines[i].flag);
        assert_int_equal(rd(RIS) & lines[i].irq, lines[i].irq);
        assert_true(line);
        wr(CR, CR_RESET | CR_LBE);
        wr(ICR, 0xf);
        assert_int_equal(rd(RIS), 0);
    }
}

/* Input comes before a guest has enabled anything, as it does for one that never will. */
static void test_works_disabled(void **state)
{
    (void)state;
    wr(CR, 0);
    wr(DR, 'q');
    assert_int_equal(sent[0], 'q');
    receive(1);
    assert_int_equal(rd(DR), 'a');
}

static void test_unconnected(void **state)
{
    (void)state;
    vpl011_init(&uart, &irq, NULL, NULL);
    wr(IMSC, INT_TX);
    wr(DR, 'a');
    assert_true(line);
    receive(1);
    assert_false(vpl011_receive(&uart, 'b'));
    assert_int_equal(rd(DR), 'a');
    assert_int_equal(nr_sent + rooms, 0);
    vpl011_reset(&uart);
    assert_reset_state();
}

static void test_reset(void **state)
{
    (void)state;
    for (uint64_t reg = ILPR; reg <= DMACR; reg += 4)
        wr(reg, UINT32_MAX);
    while (vpl011_receive(&uart, 'x'))
        ;
    wr(DR, 'y');
    assert_true(line);
    assert_int_equal(rd(RSR), 8); /* UARTCR has looped the byte back */
    vpl011_reset(&uart);
    assert_int_equal(rooms, 1); /* the FIFO has been emptied */
    assert_reset_state();
    receive(1);
    assert_int_equal(rd(DR), 'a');
    assert_int_equal(rooms, 1);
}

/* The line goes low at the interrupt controller even if that has lost track of it. */
static void test_reset_drives_line(void **state)
{
    (void)state;
    line = true;
    vpl011_reset(&uart);
    assert_false(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reset_values, setup),
        cmocka_unit_test_setup(test_identification, setup),
        cmocka_unit_test_setup(test_writable_bits, setup),
        cmocka_unit_test_setup(test_access_sizes, setup),
        cmocka_unit_test_setup(test_transmit, setup),
        cmocka_unit_test_setup(test_transmit_interrupt, setup),
        cmocka_unit_test_setup(test_loopback, setup),
        cmocka_unit_test_setup(test_modem_lines, setup),
        cmocka_unit_test_setup(test_works_disabled, setup),
        cmocka_unit_test_setup(test_unconnected, setup),
        cmocka_unit_test_setup(test_reset, setup),
        cmocka_unit_test_setup(test_reset_drives_line, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
